"""Masks with whole lines of pixels missing, drawn at random."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate


def rows(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which round(rate n) of the n rows (index along the first axis) are missing."""
    return _lines(key, shape, rate, 0)


def columns(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which round(rate n) of the n columns (index along the last axis) are missing."""
    return _lines(key, shape, rate, len(shape) - 1)


def _lines(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, axis: int) -> Bool[Array, "*grid"]:
    """Return a mask in which a random subset of the indices along one axis is missing."""
    nodes = shape[axis]
    # A threshold on a random permutation fixes the number of missing lines; that of independently drawn lines would
    # vary widely on a small grid. The 0.5 rounds rate * nodes to the nearest integer.
    rank = jax.random.permutation(key, nodes)
    observed = (rank + 0.5) / nodes >= rate
    return jnp.broadcast_to(jnp.expand_dims(observed, [a for a in range(len(shape)) if a != axis]), shape)


MODES = {"rows": rows, "columns": columns}
