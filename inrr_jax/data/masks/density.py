"""The mask whose pixels are missing independently, with a probability that varies over the grid."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate
from inrr_jax.errors import UserError, unknown


def density(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, profile: str = "linear") -> Bool[Array, "*grid"]:
    """Return a mask in which pixel x is missing independently with probability p(x) = rate + min(rate, 1 - rate) s(x).

    The profile s has mean 0 and values in [-1, 1], so p has mean `rate` and lies in [0, 1].

    Args:
        key: random key.
        shape: shape of the grid, without channels.
        rate: mean fraction of missing pixels, in (0, 1).
        profile: the name of s, one of `PROFILES`.

    Raises:
        UserError: if the profile is unknown.
    """
    if profile not in PROFILES:
        raise UserError(unknown(f"mask.profile={profile}", profile, PROFILES))
    tilt = jnp.asarray(PROFILES[profile](shape), jnp.float32)
    return jax.random.uniform(key, shape) >= rate + jnp.minimum(rate, 1 - rate) * tilt


def linear(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Return a profile that increases linearly along the last axis, from about -1 on the left to 1 on the right.

    Column j of n has the value (2 j + 1) / n - 1.
    """
    return np.broadcast_to((2 * np.arange(shape[-1]) + 1) / shape[-1] - 1, shape)


def radial(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Return a profile that increases with the distance to the centre, from about -1 there to 1 in the corners.

    The value is 2 q - 1, where q is the fraction of the pixels that are closer to the centre; a pixel counts half of
    the pixels at its own distance as closer. The profile is a function of the rank of the distance rather than of the
    distance itself, because q is uniform on [0, 1] for every grid: its mean is exactly 1/2, and that of 2 q - 1 is 0.
    """
    offsets = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    squares = np.sum(np.square(offsets), axis=0)
    # Squares of half-integers are exact in floating point, so pixels at the same distance compare equal.
    _, ring, counts = np.unique(squares, return_inverse=True, return_counts=True)
    closer = np.cumsum(counts) - counts / 2
    return 2 * closer[ring] / squares.size - 1


def halves(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Return a profile that is -1/2 in the left half of the last axis and 1/2 in the right half.

    The middle column of an odd number of columns has the value 0, which keeps the mean at 0.
    """
    return np.broadcast_to(np.sign(2 * np.arange(shape[-1]) + 1 - shape[-1]) / 2, shape)


PROFILES: dict[str, Callable[[tuple[int, ...]], Float[np.ndarray, "*grid"]]] = {
    "linear": linear,
    "radial": radial,
    "halves": halves,
}
"""Profiles by name: functions from the shape of the grid to s, which has mean 0 and values in [-1, 1].

A positive value means that the pixel is missing more often than the average pixel.
"""

MODES = {"density": density}
