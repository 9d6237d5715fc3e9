"""Regular grids: the coordinates of their nodes, and the nodes nearest to coordinates.

The longest axis of a grid spans [-1, 1]; the other axes have the same spacing and are centred on 0, so that pixels and
voxels keep their proportions.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Index = tuple[Int[Array, "..."], ...]
"""One integer array per axis of the grid: the entries x[index] of an array x on it."""


def axes(shape: tuple[int, ...]) -> tuple[Float[np.ndarray, "n"], ...]:
    """Return the coordinates of the nodes along each axis.

    With N nodes on the longest axis, node i of an axis with n nodes lies at (2 i - (n - 1)) / (N - 1).

    Args:
        shape: the number of nodes along each axis, without channels.

    Returns:
        One float32 array per axis; an axis of one node lies at 0.
    """
    gaps = max(max(shape) - 1, 1)
    return tuple(((2.0 * np.arange(n) - (n - 1)) / gaps).astype(np.float32) for n in shape)


def nearest(points: Float[Array, "N D"], shape: tuple[int, ...]) -> tuple[Int[Array, "N"], ...]:
    """Return the index of the node nearest to each point: the inverse of `axes`.

    Args:
        points: coordinates. Points outside the grid are assigned to the nearest border node.
        shape: the number of nodes along each axis, without channels.

    Returns:
        One index array per axis.
    """
    gaps = max(max(shape) - 1, 1)
    places = [jnp.round((points[:, a] * gaps + (n - 1)) / 2).astype(jnp.int32) for a, n in enumerate(shape)]
    return tuple(jnp.clip(place, 0, n - 1) for place, n in zip(places, shape, strict=True))


def positions(axes: tuple[Float[Array, "_"], ...], index: Index) -> Float[Array, "N D"]:
    """Return the coordinates of the indexed nodes, one row per node."""
    return jnp.stack([axis[i].reshape(-1) for axis, i in zip(axes, index, strict=True)], axis=-1)


def all_points(axes: tuple[Float[Array, "_"], ...]) -> Float[Array, "N D"]:
    """Return the coordinates of all nodes, one row per node, in row-major order."""
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
