"""The mask of scratches: thin straight lines at random places, as on an old photograph."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate

COUNT = 16
"""Number of scratches."""
LENGTHS = (0.2, 0.8)
"""Shortest and longest scratch, as shares of the longest axis."""
FINEST = 1 / 64
"""Distances, in nodes, that differ by less are equal, so that rounding does not decide which pixels are missing."""


def scratches(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which the fraction `rate` that is nearest to 16 random line segments is missing.

    The fraction is exact up to one pixel. A higher rate thickens the scratches, and the masks of different rates are
    nested.
    """
    centres, directions, lengths = jax.random.split(key, 3)
    size = jnp.array(shape, jnp.float32)
    middle = jax.random.uniform(centres, (COUNT, len(shape))) * size[None, :]
    along = jax.random.normal(directions, (COUNT, len(shape)))
    half = jax.random.uniform(lengths, (COUNT, 1), minval=LENGTHS[0], maxval=LENGTHS[1]) * max(shape) / 2
    offset = half * along / jnp.linalg.norm(along, axis=1, keepdims=True)
    nodes = jnp.indices(shape).reshape(len(shape), -1).T + 0.5
    distance = jax.lax.map(lambda ends: _distance(nodes, *ends), (middle - offset, middle + offset)).min(axis=0)
    order = jnp.argsort(jnp.round(distance / FINEST), stable=True)
    rank = jnp.zeros(len(nodes)).at[order].set((jnp.arange(len(nodes)) + 0.5) / len(nodes))
    return (rank >= rate).reshape(shape)


def _distance(nodes: Float[Array, "N D"], start: Float[Array, "D"], end: Float[Array, "D"]) -> Float[Array, "N"]:
    """Return the distance of each node to a line segment, in nodes."""
    span, offset = end - start, nodes - start[None, :]
    share = jnp.clip((offset * span[None, :]).sum(axis=1) / jnp.maximum((span**2).sum(), 1e-6), 0, 1)
    return jnp.linalg.norm(offset - share[:, None] * span[None, :], axis=1)


MODES = {"scratches": scratches}
