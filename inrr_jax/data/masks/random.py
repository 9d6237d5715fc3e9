"""Masks drawn at random: single pixels, whole rows and columns, a box."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from inrr_jax.data.masks.patterns import Rate, box, inside
from inrr_jax.errors import UserError, unknown


def random(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Every pixel is missing with probability `rate`, independently."""
    return jax.random.uniform(key, shape) >= rate


def density(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, profile: str = "linear") -> Bool[Array, "*grid"]:
    """Independent pixels that are missing more often in some places than in others.

    The probability to be missing is rate + min(rate, 1 - rate) s: in [0, 1] for every rate, and `rate` on average, as
    the profile s has mean 0 and lies in [-1, 1]. See `PROFILES`.

    Raises:
        UserError: an unknown profile.
    """
    if profile not in PROFILES:
        raise UserError(unknown(f"mask.profile={profile}", profile, PROFILES))
    tilt = jnp.asarray(PROFILES[profile](shape), jnp.float32)
    return jax.random.uniform(key, shape) >= rate + jnp.minimum(rate, 1 - rate) * tilt


def linear(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Rise evenly from -1 at the left to 1 at the right, along the last axis."""
    return np.broadcast_to((2 * np.arange(shape[-1]) + 1) / shape[-1] - 1, shape)


def radial(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Rise evenly with the share of the pixels that lie nearer to the centre: from -1 there to 1 in the corners."""
    places = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    squares = np.sum(np.square(places), axis=0)
    _, ring, counts = np.unique(squares, return_inverse=True, return_counts=True)
    nearer = np.cumsum(counts) - counts / 2  # half of a pixel's own ring
    return 2 * nearer[ring.reshape(shape)] / squares.size - 1


def halves(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Be -1/2 in the left half and 1/2 in the right, along the last axis; 0 between the two, if there is a middle."""
    return np.broadcast_to(np.sign(2 * np.arange(shape[-1]) + 1 - shape[-1]) / 2, shape)


PROFILES = {"linear": linear, "radial": radial, "halves": halves}
"""How much more often than on average a pixel is missing, by name: functions of the grid's shape."""


def rows(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Whole rows are missing, drawn at random: `rate` of them, up to half a row."""
    return _lines(key, shape, rate, 0)


def columns(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Whole columns are missing, drawn at random: `rate` of them, up to half a column."""
    return _lines(key, shape, rate, len(shape) - 1)


def _lines(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, axis: int) -> Bool[Array, "*grid"]:
    nodes = shape[axis]
    rank = jax.random.permutation(key, nodes)
    observed = (rank + 0.5) / nodes >= rate
    return jnp.broadcast_to(jnp.expand_dims(observed, [a for a in range(len(shape)) if a != axis]), shape)


def patch(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """One box is missing, with the grid's proportions, at a uniform position inside the grid.

    It holds `rate` of the pixels up to half a layer.
    """
    sides, corner = box(shape, rate), []
    for n, side in zip(shape, sides, strict=True):
        key, subkey = jax.random.split(key)
        corner.append(jax.random.randint(subkey, (), 0, n - side + 1))
    return ~inside(shape, corner, sides)
