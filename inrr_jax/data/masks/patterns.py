"""Masks that are the same for every key: tiles, lattices, stripes, a border."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

Rate = float | Float[Array, ""]
"""The share of missing pixels, in (0, 1)."""


def blocks(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Every other tile of `size` pixels a side is missing, as on a checkerboard, whatever the rate; not the first."""
    del key, rate
    return (jnp.indices(shape) // size).sum(axis=0) % 2 == 0


def grid(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Only every `size`-th pixel along each axis is observed, from the first one on, whatever the rate: x[::size]."""
    del key, rate
    return (jnp.indices(shape) % size == 0).all(axis=0)


def stripes(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Of every `size` rows the last are missing, round(rate size) of them."""
    del key
    return _periodic(jnp.indices(shape)[0], rate, size)


def diagonal(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Of every `size` antidiagonals the last are missing, round(rate size) of them: slanted stripes."""
    del key
    return _periodic(jnp.indices(shape).sum(axis=0), rate, size)


def border(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """All but a box in the middle is missing, which has the grid's proportions: outpainting.

    The box holds 1 - rate of the pixels up to half a layer.
    """
    del key
    sides = box(shape, 1 - rate)
    return inside(shape, [(n - side) // 2 for n, side in zip(shape, sides, strict=True)], sides)


def box(shape: tuple[int, ...], share: Rate) -> list[Int[Array, ""]]:
    """Return the sides of a box with the grid's proportions that holds a share of its pixels.

    Each side is rounded given those before it, so that the box is right up to half a layer.
    """
    sides = []
    for axis, n in enumerate(shape):
        side = jnp.clip(jnp.round(n * share ** (1 / (len(shape) - axis))), 1, n).astype(int)
        share = share * n / side
        sides.append(side)
    return sides


def inside(shape: tuple[int, ...], corner: list[Int[Array, ""]], sides: list[Int[Array, ""]]) -> Bool[Array, "*grid"]:
    """Tell which pixels of the grid lie in a box."""
    offsets = [index - first for index, first in zip(jnp.indices(shape), corner, strict=True)]
    along = [(offset >= 0) & (offset < side) for offset, side in zip(offsets, sides, strict=True)]
    return jnp.all(jnp.stack(along), axis=0)


def _periodic(index: Int[Array, "*grid"], rate: Rate, size: int) -> Bool[Array, "*grid"]:
    return (index % size + 0.5) / size < 1 - rate
