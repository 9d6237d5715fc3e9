"""Residual correction: what a recovery misses at the observed pixels, filled in everywhere and added."""

import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.operators.masking import paste
from inrr_jax.types import Fill


def correct(
    recovered: Float[Array | np.ndarray, "H W C"],
    image: Float[Array | np.ndarray, "H W C"],
    mask: Bool[Array | np.ndarray, "H W"],
    fill: Fill,
) -> Float[np.ndarray, "H W C"]:
    """Return N + fill(X - N): a recovery N plus its residual at the observed pixels of X, filled in everywhere.

    N plays the part of the trend in kriging with an external drift: it needs to represent only what the fill cannot.
    With N = 0 the result is the fill itself, and an N that is exact at the observed pixels is returned unchanged.

    Args:
        recovered: N in [0, 1], on the whole grid.
        image: X in [0, 1]; its values at missing pixels are not used.
        mask: True where observed.
        fill: a fill that commutes with affine maps of the values: harmonic, biharmonic, linear, or that of a graph.

    Returns:
        Values in [0, 1], equal to X at observed pixels.

    Raises:
        UserError: no pixel is observed.
    """
    recovered = np.asarray(recovered)
    residual = paste(recovered, np.asarray(image), mask) - recovered
    # Fills map [0, 1] to [0, 1], and a residual is in [-1, 1].
    filled = 2 * fill((1 + residual) / 2, np.asarray(mask)) - 1
    return paste(np.clip(recovered + filled, 0, 1), np.asarray(image), mask).astype(np.float32)
