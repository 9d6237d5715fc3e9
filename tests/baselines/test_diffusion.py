"""The harmonic fill against its equation."""

import numpy as np

from inrr_jax.baselines.diffusion import harmonic


def laplace_residual(image, mask):
    """Return the largest |sum over the neighbours j of (u_i - u_j)| over missing pixels i, with a loop."""
    residual = 0
    for i, j in np.argwhere(~mask):
        around = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
        inside = [p for p in around if 0 <= p[0] < mask.shape[0] and 0 <= p[1] < mask.shape[1]]
        residual = max(residual, abs(sum(image[i, j] - image[p] for p in inside)).max())
    return residual


def test_harmonic_solves_the_discrete_laplace_equation(picture):
    image, mask = picture(12, 15, channels=3)
    filled = harmonic(image, mask)
    assert laplace_residual(filled, mask) < 1e-6
    assert laplace_residual(filled + 1e-3 * ~mask[..., None] * np.eye(12, 15)[..., None], mask) > 1e-3
