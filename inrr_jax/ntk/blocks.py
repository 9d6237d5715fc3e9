"""Any kernel between many points, a block at a time in a given memory, on all local devices."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from inrr_jax.errors import UserError

Kernel = Callable[[Any, Float[Array, "N D"], Float[Array, "M D"]], Float[Array, "N M"]]
"""(params, x1, x2) -> kernel."""


def blockwise(kernel: Kernel, budget: int) -> Callable[..., Float[np.ndarray, "N M"]]:
    """Evaluate a kernel in square blocks, each shared out by rows among the local devices.

    Blocks are halved until the compiler's own account of one (its arguments, result and temporaries) is within the
    budget. The whole is put together in NumPy, for it may be larger than a device's memory.

    Args:
        kernel: a traceable function.
        budget: bytes that one block may take on each device.

    Returns:
        The same function of (params, x1, x2).

    Raises:
        UserError: on evaluation, if not even one point per device fits the budget.
    """

    def evaluate(params, x1, x2):
        count = jax.local_device_count()
        mesh = jax.make_mesh((count,), ("points",), axis_types=(jax.sharding.AxisType.Auto,))
        rows, whole = NamedSharding(mesh, PartitionSpec("points")), NamedSharding(mesh, PartitionSpec())
        sharded = jax.jit(kernel, in_shardings=(whole, rows, whole), out_shardings=rows)
        compiled, side = _fit(sharded, budget, count, params, x1, x2)
        params = jax.device_put(params, whole)
        blocks = [
            [np.asarray(compiled(params, jax.device_put(a, rows), jax.device_put(b, whole))) for b in _cut(x2, side)]
            for a in _cut(x1, side)
        ]
        return np.block(blocks)[: len(x1), : len(x2)]

    return evaluate


def _fit(sharded, budget, count, params, x1, x2):
    """Return the program of the largest block within the budget, and its side, a multiple of the device count."""
    side = math.ceil(max(len(x1), len(x2)) / count) * count
    while True:
        shapes = [jax.ShapeDtypeStruct((side, x.shape[1]), x.dtype) for x in (x1, x2)]
        compiled = sharded.lower(params, *shapes).compile()
        memory = compiled.memory_analysis()
        needed = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
        if needed <= budget:
            return compiled, side
        if side == count:
            raise UserError(f"budget={budget} bytes is below the {needed} of one point per device: give more")
        side = math.ceil(side / 2 / count) * count


def _cut(points, side):
    """Cut the points into blocks of one size, the last filled up with copies of the last point."""
    padded = jnp.pad(points, ((0, -len(points) % side), (0, 0)), mode="edge")
    return padded.reshape(-1, side, points.shape[1])
