"""Periodic masks, which are the same for every key: tiles, lattices and stripes."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate

# The modes ignore arguments that they have no use for, but accept them, because all modes share one signature.


def blocks(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Return a checkerboard mask of tiles with `size` pixels per side; the first tile is observed.

    About half of the pixels are missing, whatever the rate.
    """
    del key, rate
    return (jnp.indices(shape) // size).sum(axis=0) % 2 == 0


def grid(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Return a mask in which every `size`-th pixel along each axis is observed: the samples x[::size, ::size].

    The fraction of missing pixels is about 1 - 1 / size^D in D dimensions, whatever the rate.
    """
    del key, rate
    return (jnp.indices(shape) % size == 0).all(axis=0)


def stripes(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Return a mask in which the last round(rate size) of every `size` rows are missing."""
    del key
    return _periodic(jnp.indices(shape)[0], rate, size)


def diagonal(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4) -> Bool[Array, "*grid"]:
    """Return a mask in which the last round(rate size) of every `size` antidiagonals are missing.

    An antidiagonal consists of the pixels whose indices have the same sum.
    """
    del key
    return _periodic(jnp.indices(shape).sum(axis=0), rate, size)


def _periodic(index: Int[Array, "*grid"], rate: Rate, size: int) -> Bool[Array, "*grid"]:
    """Return True where an index modulo `size` is among the first round((1 - rate) size) residues."""
    # The 0.5 rounds to the nearest integer instead of up.
    return (index % size + 0.5) / size < 1 - rate


MODES = {"blocks": blocks, "grid": grid, "stripes": stripes, "diagonal": diagonal}
