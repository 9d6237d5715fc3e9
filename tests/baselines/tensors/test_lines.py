"""Interpolation along lines against SciPy's, line by line."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, PchipInterpolator

from inrr_jax.baselines.tensors.lines import along, linear, monotone_slopes, natural_slopes, variation

SCIPY = {
    "linear": (None, lambda x, y: lambda q: np.interp(q, x, y[:, 0])[:, None]),
    "spline": (natural_slopes, lambda x, y: CubicSpline(x, y, bc_type="natural")),
    "pchip": (monotone_slopes, PchipInterpolator),
}


@pytest.mark.parametrize("kind", SCIPY)
def test_lines_agree_with_scipy(kind):
    rng = np.random.default_rng(1)
    values, mask = rng.random((5, 30, 1), dtype=np.float32), rng.random((5, 30)) < 0.4
    mask[2] = False  # a line without knots in between
    slopes, reference = SCIPY[kind]
    estimate, distance = along(np.where(mask[..., None], values, 0), mask, slopes)
    for line in (0, 1, 3, 4):
        knots = np.flatnonzero(mask[line])
        inside = np.arange(knots[1], knots[-2])  # SciPy's monotone slopes differ at the ends
        inside = inside[~mask[line, inside]]
        expected = reference(knots, values[line, knots].astype(float))(inside)
        np.testing.assert_allclose(estimate[line, inside], expected, atol=1e-5)
        outside = np.arange(knots[-1] + 1, 30)
        np.testing.assert_allclose(estimate[line, outside], np.broadcast_to(values[line, knots[-1]], (len(outside), 1)))
    assert np.isinf(distance[2]).all()


def test_the_axis_of_little_variation_decides():
    rng = np.random.default_rng(0)
    values = np.broadcast_to(rng.random((1, 20, 1)), (30, 20, 1)).astype(np.float32)
    mask = rng.random((30, 20)) < 0.5
    assert variation(np.where(mask[..., None], values, 0), mask)[0] < 1e-9
    np.testing.assert_allclose(linear(values, mask, None), values, atol=1e-5)


def test_variation_of_a_brownian_motion_is_its_rate():
    steps = np.random.default_rng(0).standard_normal((2000, 100)).cumsum(1)
    mask = np.random.default_rng(1).random(steps.shape) < 0.3
    rate = variation((0.1 * steps * mask)[..., None].astype(np.float32), mask)[1]
    assert rate == pytest.approx(0.01, rel=0.05)
