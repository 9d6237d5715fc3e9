"""The devices at hand, in a row: all of this computation's, over all of its hosts."""

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int


def mesh(axis: str) -> Mesh:
    """Return all devices along one named axis."""
    return jax.make_mesh((jax.device_count(),), (axis,), axis_types=(AxisType.Auto,))


def share(points: Float[Array, "N D"]) -> Float[Array, "N D"]:
    """Give every device its part of the points, inside a compiled program.

    All that is computed from a point then stays on its device, and XLA sums over the devices where a loss or a gradient
    sums over points.
    """
    return jax.lax.with_sharding_constraint(points, NamedSharding(mesh("points"), PartitionSpec("points")))


def agreed(values: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Return the first process's values, of 32 bits: all must decide alike, also on what only one has measured."""
    return np.asarray(multihost_utils.broadcast_one_to_all(values)) if jax.process_count() > 1 else values


def fetched(tree):
    """Bring arrays from all devices, of all hosts, to this process."""
    return multihost_utils.process_allgather(tree, tiled=True)
