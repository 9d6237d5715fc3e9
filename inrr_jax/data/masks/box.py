"""Masks made of one box with the proportions of the grid: missing (patch), or the only observed part (border)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate


def patch(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which one box is missing, at a position that is uniform among those inside the grid.

    The box has the proportions of the grid and contains the fraction `rate` of its pixels, see `_sides` for the
    rounding.
    """
    sides, corner = _sides(shape, rate), []
    for n, side in zip(shape, sides, strict=True):
        # A key per axis: with the same key, the coordinates of the corner would be correlated.
        key, subkey = jax.random.split(key)
        corner.append(jax.random.randint(subkey, (), 0, n - side + 1))
    return ~_inside(shape, corner, sides)


def border(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which only a box in the middle is observed, for outpainting; the same for every key.

    The box has the proportions of the grid and contains the fraction 1 - `rate` of its pixels, see `_sides` for the
    rounding.
    """
    del key
    sides = _sides(shape, 1 - rate)
    return _inside(shape, [(n - side) // 2 for n, side in zip(shape, sides, strict=True)], sides)


def _sides(shape: tuple[int, ...], fraction: Rate) -> list[Int[Array, ""]]:
    """Return the side lengths, in pixels, of a box with the proportions of the grid.

    Axis a of D has the side n_a f_a^(1 / (D - a)), rounded and at least 1, where f_a is the fraction that the
    axes from a on must still contribute after the rounding of the axes before.

    Args:
        shape: shape of the grid, without channels.
        fraction: fraction of the pixels that the box contains, in (0, 1).

    Returns:
        One integer per axis, between 1 and the length of the axis.
    """
    sides = []
    for axis, n in enumerate(shape):
        side = jnp.clip(jnp.round(n * fraction ** (1 / (len(shape) - axis))), 1, n).astype(int)
        # The later axes compensate for the rounding of this one. Only the rounding of the last axis remains, which
        # changes the size of the box by at most half a slice across that axis.
        fraction = fraction * n / side
        sides.append(side)
    return sides


def _inside(shape: tuple[int, ...], corner: list[Int[Array, ""]], sides: list[Int[Array, ""]]) -> Bool[Array, "*grid"]:
    """Return an array on the grid that is True inside the box with the given first corner and side lengths."""
    # Comparisons of indices, because slices need static bounds and the sides are traced when the rate is.
    offsets = [index - first for index, first in zip(jnp.indices(shape), corner, strict=True)]
    along = [(offset >= 0) & (offset < side) for offset, side in zip(offsets, sides, strict=True)]
    return jnp.all(jnp.stack(along), axis=0)


MODES = {"patch": patch, "border": border}
