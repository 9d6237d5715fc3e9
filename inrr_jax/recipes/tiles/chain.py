"""Fills on graphs of patches, each of which begins with the one before it.

The fills of the whole recipe (`stacking.CANDIDATES`) build twelve graphs, four from the harmonic fill on for each kind.
The chain builds five, and its fills are as good: the first graphs are the cheapest kind, and each of the others is
built from the best estimate so far (docs/large_pictures.md has the measurements).
"""

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.patch_fill import locally_linear, locally_linear_fine
from inrr_jax.baselines.wnll import wnll
from inrr_jax.types import Image, Mask

NAMES = ("harmonic", "wnll", "locally_linear", "locally_linear_fine")
"""The fills, in their order."""
ROUNDS = 3
"""Of WNLL, which take half as long as the others'."""


def fills(image: Image, mask: Mask) -> Float[np.ndarray, "K H W C"]:
    """Return the K fills by the names of `NAMES`; the contract of each is that of `baselines`."""
    similar = wnll(image, mask, rounds=ROUNDS)
    combined = locally_linear(image, mask, rounds=1, start=similar)
    fine = locally_linear_fine(image, mask, rounds=1, start=combined)
    return np.stack([harmonic(image, mask), similar, combined, fine])
