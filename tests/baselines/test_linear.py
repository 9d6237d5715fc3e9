"""Linear interpolation of a picture that it must reproduce exactly."""

import numpy as np

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.linear import linear


def test_linear_is_exact_on_a_plane_inside_the_hull_and_harmonic_is_not():
    rows, columns = np.mgrid[:12, :15]
    plane = (0.1 + 0.04 * rows + 0.02 * columns)[..., None].astype(np.float32)
    mask = np.random.default_rng(2).random((12, 15)) < 0.5
    mask[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    np.testing.assert_allclose(linear(plane, mask), plane, atol=1e-6)
    assert abs(harmonic(plane, mask) - plane).max() > 1e-2
