"""Masks with whole fibers missing: all entries that differ in their index along one axis alone."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate, axis_index
from inrr_jax.errors import UserError


def fibers(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, axis: int = -1) -> Bool[Array, "*grid"]:
    """Return a mask in which a share `rate` of the fibers along one axis is missing, drawn at random.

    A fiber along the time axis is a station that reports always or never, one along the bands a pixel with all of its
    spectrum. The number of missing fibers is exact up to rounding.

    Raises:
        UserError: the grid has no such axis.
    """
    axis = axis_index(axis, shape)
    across = shape[:axis] + shape[axis + 1 :]
    rank = jax.random.permutation(key, math.prod(across)).reshape(across)
    observed = (rank + 0.5) / rank.size >= rate
    return jnp.broadcast_to(jnp.expand_dims(observed, axis), shape)


def deadlines(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, axis: int = -1) -> Bool[Array, "*grid"]:
    """Return a mask in which dead lines cross some of the slices along one axis, at random places in each of them.

    It imitates a pushbroom sensor, in which a broken detector loses one column in one band. About sqrt(rate) of the n
    slices have dead lines, and in each of these about sqrt(rate) of the lines are dead, so that the share `rate` of all
    entries is missing, up to rounding. A line has one index along the last of the other axes and extends over the rest:
    a column in a band of [H, W, bands] with axis -1, and in a frame of [frames, H, W] with axis 0.

    Raises:
        UserError: the grid has no such axis, or no other.
    """
    if len(shape) < 2:
        raise UserError(f"mask mode 'deadlines' on a grid of shape {shape}: it needs two axes or more; use 'random'")
    axis = axis_index(axis, shape)
    line_axis = max(a for a in range(len(shape)) if a != axis)
    slices, lines = shape[axis], shape[line_axis]
    hit_key, line_key = jax.random.split(key)
    hit = jnp.clip(jnp.round(slices * jnp.sqrt(rate)), 1, slices)
    affected = jax.random.permutation(hit_key, slices) < hit
    # The share in each affected slice makes up for the rounding of their number.
    ranks = jnp.broadcast_to(jnp.arange(lines), (slices, lines))
    ranks = jax.random.permutation(line_key, ranks, axis=1, independent=True)
    dead = affected[:, None] & ((ranks + 0.5) / lines < rate * slices / hit)
    dead = dead if axis < line_axis else dead.T
    return jnp.broadcast_to(~jnp.expand_dims(dead, [a for a in range(len(shape)) if a not in (axis, line_axis)]), shape)


MODES = {"fibers": fibers, "deadlines": deadlines}
