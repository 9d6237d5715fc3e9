"""Helpers for several devices: a one-dimensional mesh of all devices of all hosts, and exchange between the hosts.

A computation on several hosts runs one process per host, and all processes execute the same program.
"""

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int


def mesh(axis: str, *, local: bool = False) -> Mesh:
    """Return a mesh of all devices along one named axis.

    Args:
        axis: the name of the axis.
        local: whether to take only the devices of this process instead of those of all hosts.
    """
    # Axis type Auto leaves the sharding of intermediate values to the compiler.
    members = jax.local_devices() if local else jax.devices()
    return jax.make_mesh((len(members),), (axis,), axis_types=(AxisType.Auto,), devices=members)


def share(points: Float[Array, "N D"]) -> Float[Array, "N D"]:
    """Return the same points, distributed over all devices; for use inside a compiled program.

    All values that are computed from a point then stay on its device. Where a loss or a gradient sums over points, XLA
    inserts a sum over the devices.
    """
    return jax.lax.with_sharding_constraint(points, NamedSharding(mesh("points"), PartitionSpec("points")))


def agreed(values: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Return the values of the first process, in all processes.

    Processes must take the same decisions, because they have to execute the same program. A decision that depends on a
    local measurement, such as free memory or the files in a work directory, is therefore taken from the first process.

    Args:
        values: array of the same shape in every process, of 32-bit integers (JAX would truncate wider ones).
    """
    return np.asarray(multihost_utils.broadcast_one_to_all(values)) if jax.process_count() > 1 else values


def fetched(tree):
    """Return a tree of arrays that are distributed over all devices as a tree of whole arrays in this process."""
    return multihost_utils.process_allgather(tree, tiled=True)
