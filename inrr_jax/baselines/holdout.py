"""Observed entries that are hidden, to choose a parameter of a baseline without the truth."""

import numpy as np
from jaxtyping import Bool

SHARE = 0.2
"""Largest share of the observed entries that is hidden, approximately."""
COPIES = 1000
"""The most copies of the missing entries that are intersected."""


def hidden_entries(mask: Bool[np.ndarray, "*grid"]) -> Bool[np.ndarray, "*grid"]:
    """Return observed entries to hide that are as hard to recover as the missing ones, the same for every call.

    A cyclically shifted copy of the missing entries has gaps of the same shape: slices, lines, blocks, single entries.
    Further copies are intersected with it until at most a fifth of the observed entries are hidden. An intersection
    that would hide none is skipped.

    Args:
        mask: True where observed.

    Returns:
        True where hidden, a subset of the mask; False everywhere if only one entry is observed.
    """
    rng = np.random.default_rng(0)
    hidden = mask.copy()
    for _ in range(COPIES):
        if hidden.sum() <= max(1, SHARE * mask.sum()):
            break
        fewer = hidden & np.roll(~mask, rng.integers(mask.shape), range(mask.ndim))
        hidden = fewer if fewer.any() else hidden
    return hidden if hidden.sum() < mask.sum() else np.zeros_like(mask)
