"""The mask whose pixels are missing independently of each other."""

import jax
from jaxtyping import Array, Bool, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate


def random(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Return a mask in which every pixel is missing independently with probability `rate`."""
    return jax.random.uniform(key, shape) >= rate


MODES = {"random": random}
