"""Evaluation of a kernel matrix block by block, so that each block fits a memory budget, on all local devices."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from inrr_jax import devices
from inrr_jax.errors import UserError

Kernel = Callable[[Any, Float[Array, "N D"], Float[Array, "M D"]], Float[Array, "N M"]]
"""(params, x1, x2) -> kernel matrix."""


def blockwise(kernel: Kernel, budget: int) -> Callable[..., Float[np.ndarray, "N M"]]:
    """Return a function that evaluates the kernel in square blocks, whose rows are shared among the local devices.

    The side of a block is halved until the memory that the compiler reports for it (arguments, result and temporaries)
    is within the budget.

    Args:
        kernel: a function that JAX can trace.
        budget: the memory in bytes that one block may take on each device.

    Returns:
        A function (params, x1, x2) -> kernel matrix as a NumPy array.

    Raises:
        UserError: on evaluation, if a block of one point per device exceeds the budget.
    """

    def evaluate(params, x1, x2):
        # Local devices only: every process needs the whole matrix, and could not read blocks on other hosts' devices.
        mesh = devices.mesh("points", local=True)
        rows, whole = NamedSharding(mesh, PartitionSpec("points")), NamedSharding(mesh, PartitionSpec())
        sharded = jax.jit(kernel, in_shardings=(whole, rows, whole), out_shardings=rows)
        compiled, side = _largest_block(sharded, budget, mesh.size, params, x1, x2)
        params = jax.device_put(params, whole)
        # np.asarray moves each block to the host: the whole matrix may be larger than a device's memory.
        blocks = [
            [np.asarray(compiled(params, jax.device_put(a, rows), jax.device_put(b, whole))) for b in _cut(x2, side)]
            for a in _cut(x1, side)
        ]
        return np.block(blocks)[: len(x1), : len(x2)]

    return evaluate


def _largest_block(sharded, budget, count, params, x1, x2):
    """Return the program of the largest block within the budget, and its side: a multiple of the device count."""
    side = math.ceil(max(len(x1), len(x2)) / count) * count
    while True:
        shapes = [jax.ShapeDtypeStruct((side, x.shape[1]), x.dtype) for x in (x1, x2)]
        compiled = sharded.lower(params, *shapes).compile()
        memory = compiled.memory_analysis()
        needed = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
        if needed <= budget:
            return compiled, side
        if side == count:
            raise UserError(
                f"budget={budget} bytes is too small: one point per device takes {needed} bytes; give at least that"
            )
        side = math.ceil(side / 2 / count) * count


def _cut(points, side):
    """Cut the points into blocks of `side` points; copies of the last point fill up the last block."""
    # Copies of a real point, because a kernel need not be finite at an arbitrary padding value.
    padded = jnp.pad(points, ((0, -len(points) % side), (0, 0)), mode="edge")
    return padded.reshape(-1, side, points.shape[1])
