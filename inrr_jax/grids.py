"""Regular grids: the coordinates of their nodes, and the nodes nearest to coordinates.

The longest axis of a grid spans [-1, 1]; the other axes are in the same proportion and are centred on 0, so that pixels
and voxels keep their shape.
"""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

Index = tuple[Int[Array, "..."], ...]
"""One integer array per axis of the grid: the entries x[index] of an array x on it."""


def axes(shape: Sequence[int], spacing: Sequence[float] | None = None) -> tuple[Float[np.ndarray, "n"], ...]:
    """Return the coordinates of the nodes along each axis.

    Node i of an axis a with n nodes lies at (2 i - (n - 1)) s_a / max_b (n_b - 1) s_b, where s is the spacing and b
    runs over all axes.

    Args:
        shape: the number of nodes along each axis, without channels.
        spacing: the distance of neighbouring nodes along each axis, in any unit; None: equal on all axes.

    Returns:
        One float32 array per axis; an axis of one node lies at 0.
    """
    spacing, extent = _extent(shape, spacing)
    return tuple(
        ((2.0 * np.arange(n) - (n - 1)) * s / extent).astype(np.float32) for n, s in zip(shape, spacing, strict=True)
    )


def steps(shape: Sequence[int], spacing: Sequence[float] | None = None) -> tuple[float, ...]:
    """Return the distance of neighbouring nodes along each axis in the coordinates of `axes`."""
    spacing, extent = _extent(shape, spacing)
    return tuple(2.0 * s / extent for s in spacing)


def _extent(shape: Sequence[int], spacing: Sequence[float] | None) -> tuple[Sequence[float], float]:
    """Return the spacing along each axis, and the extent of the longest axis in the same unit."""
    spacing = spacing or (1.0,) * len(shape)
    return spacing, max((n - 1) * s for n, s in zip(shape, spacing, strict=True)) or 1.0


def places(
    points: Float[Array, "N D"], shape: Sequence[int], spacing: Sequence[float] | None = None
) -> Float[Array, "N D"]:
    """Return the index of each point along each axis, as a real number that is whole on nodes: the inverse of `axes`.

    Args:
        points: coordinates; indices of points outside the grid lie outside [0, n - 1].
        shape: the number of nodes along each axis, without channels.
        spacing: as in `axes`.
    """
    centre = (np.asarray(shape, np.float32) - 1) / 2
    return points / np.asarray(steps(shape, spacing), np.float32)[None, :] + centre[None, :]


def nearest(
    points: Float[Array, "N D"], shape: Sequence[int], spacing: Sequence[float] | None = None
) -> tuple[Int[Array, "N"], ...]:
    """Return the index of the node nearest to each point.

    Args:
        points: coordinates. Points outside the grid are assigned to the nearest border node.
        shape: the number of nodes along each axis, without channels.
        spacing: as in `axes`.

    Returns:
        One index array per axis.
    """
    rounded = jnp.round(places(points, shape, spacing)).astype(jnp.int32)
    return tuple(jnp.clip(rounded[:, a], 0, n - 1) for a, n in enumerate(shape))


def positions(axes: tuple[Float[Array, "_"], ...], index: Index) -> Float[Array, "N D"]:
    """Return the coordinates of the indexed nodes, one row per node."""
    return jnp.stack([axis[i].reshape(-1) for axis, i in zip(axes, index, strict=True)], axis=-1)


def all_points(axes: tuple[Float[Array, "_"], ...]) -> Float[Array, "N D"]:
    """Return the coordinates of all nodes, one row per node, in row-major order."""
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def interpolate(values: Float[Array, "*grid C"], places: Float[Array, "N D"]) -> Float[Array, "N C"]:
    """Return multilinear interpolants of values on a grid.

    Args:
        values: on the nodes of the grid.
        places: indices of the points along each axis, as real numbers (`places`). Points outside the grid get the
            value of the nearest point of its border.
    """
    total = jnp.zeros((places.shape[0], values.shape[-1]), values.dtype)
    for weight, index in corners(places, np.asarray(values.shape[:-1])[None, :]):
        total += weight[:, None] * values[index]
    return total


def corners(
    places: Float[Array, "*n D"], shape: Int[np.ndarray, "... D"]
) -> Iterator[tuple[Float[Array, "*n"], Index]]:
    """Yield the multilinear weight of each of the 2^D corners of the cells that contain points, and its index.

    Along each axis the two nodes next to a point weigh 1 - t and t, where t in [0, 1] is the distance from the first
    in units of the spacing; a point counts with the product of the weights of all axes for each corner.

    Args:
        places: indices of the points along each axis, as real numbers. Points outside the grid are moved to the nearest
            point of its border.
        shape: the number of nodes along each axis, with leading axes that broadcast against those of the points: one
            grid for all, or one for each. (An annotation of this would not take a symbolic number of points.)
    """
    last = shape.astype(np.float32) - 1
    inside = jnp.clip(places, 0.0, last)
    # The last node of an axis is the upper corner of the cell before it, so that every cell has two nodes per axis.
    low = jnp.clip(jnp.floor(inside), 0.0, np.maximum(last - 1, 0))
    share, first = inside - low, low.astype(jnp.int32)
    for corner in itertools.product((0, 1), repeat=places.shape[-1]):
        # Factor by factor, because the derivative of jnp.prod does not take a symbolic number of points (jax.export).
        factors = [share[..., a] if c else 1.0 - share[..., a] for a, c in enumerate(corner)]
        weight = functools.reduce(jnp.multiply, factors)
        # An axis of one node has no upper corner; its weight is zero.
        yield weight, tuple(jnp.minimum(first[..., a] + c, shape[..., a] - 1) for a, c in enumerate(corner))


def focus(mask: Bool[np.ndarray, "*grid"]) -> tuple[int, ...]:
    """Return the node through which figures cut a grid.

    Along every axis it lies as near to the middle as it can with at least the mean share of missing entries.

    Args:
        mask: True where observed.
    """
    found = []
    for axis in range(mask.ndim):
        missing = 1 - mask.mean(axis=tuple(other for other in range(mask.ndim) if other != axis))
        places = np.flatnonzero(missing >= missing.mean() - 1e-9)
        found.append(int(places[np.argmin(np.abs(places - len(missing) // 2))]))
    return tuple(found)


def planes(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Return all pairs of axes, those whose lengths are the most alike first.

    The first pair is that of height and width in most videos and spectral images.
    """
    pairs = itertools.combinations(range(len(shape)), 2)
    return sorted(pairs, key=lambda pair: abs(math.log(shape[pair[0]] / shape[pair[1]])))


def main_slice(mask: Bool[np.ndarray, "*grid"]) -> tuple[slice | int, ...]:
    """Return the index of one slice of a grid, with the first of the `planes` through its `focus`; all of one axis."""
    shown = planes(mask.shape)[0] if mask.ndim > 1 else (0,)
    return tuple(slice(None) if axis in shown else place for axis, place in enumerate(focus(mask)))
