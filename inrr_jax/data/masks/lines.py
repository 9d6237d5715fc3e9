"""Masks with whole slices of the grid missing: rows, columns, bands, frames or planes."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate, axis_index


def rows(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which round(rate n) of the n rows (index along the first axis) are missing."""
    return slices(key, shape, rate, 0)


def columns(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which round(rate n) of the n columns (index along the last axis) are missing."""
    return slices(key, shape, rate, -1)


def slices(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, axis: int = -1) -> Bool[Array, "*grid"]:
    """Return a mask in which round(rate n) of the n slices at the indices of one axis are missing, drawn at random.

    A slice holds all entries with one index along the axis: a frame of a video, a band of a spectral cube.

    Raises:
        UserError: the grid has no such axis.
    """
    axis = axis_index(axis, shape)
    nodes = shape[axis]
    # A threshold on a random permutation fixes the number of missing slices; that of independently drawn slices would
    # vary widely on a small grid. The 0.5 rounds rate * nodes to the nearest integer.
    rank = jax.random.permutation(key, nodes)
    return _extend((rank + 0.5) / nodes >= rate, shape, axis)


def gap(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, axis: int = -1) -> Bool[Array, "*grid"]:
    """Return a mask in which round(rate n) of the n slices along one axis are missing, all next to each other.

    The position is uniform among those with an observed slice before and after the gap, or at least before it if there
    is room for no more.

    Raises:
        UserError: the grid has no such axis.
    """
    axis = axis_index(axis, shape)
    nodes = shape[axis]
    missing = jnp.round(rate * nodes).astype(int)
    first = jax.random.randint(key, (), 1, jnp.maximum(nodes - missing, 2))
    index = jnp.arange(nodes)
    return _extend((index < first) | (index >= first + missing), shape, axis)


def _extend(observed: Bool[Array, "n"], shape: tuple[int, ...], axis: int) -> Bool[Array, "*grid"]:
    """Return the mask on the grid whose slices along an axis are observed or missing as a whole."""
    return jnp.broadcast_to(jnp.expand_dims(observed, [a for a in range(len(shape)) if a != axis]), shape)


MODES = {"rows": rows, "columns": columns, "slices": slices, "gap": gap}
