"""Every interpolation of scattered points fulfils the contract."""

import numpy as np
import pytest

from inrr_jax.baselines.points import POINTS
from inrr_jax.errors import UserError


# Kriging fits its variogram anew for each scale that is tried, which takes too long here.
@pytest.fixture(params=[name for name in POINTS if name != "kriging_scaled"])
def entry(request):
    if request.param == "gaussian_process":
        pytest.importorskip("sklearn")
    return POINTS[request.param]


def waves(points):
    return np.stack([np.sin(2 * points.sum(1)), 7 + np.cos(points[:, 0])], -1)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_an_interpolation_beats_the_mean_and_keeps_the_points(entry, dimensions):
    if dimensions > entry.dimensions or (entry.dimensions == 2 and dimensions != 2):
        pytest.skip("not for so many coordinates")
    rng = np.random.default_rng(0)
    points, query = rng.random((120, dimensions)), rng.random((50, dimensions))
    values = waves(points)
    recovered = entry.interpolate(points, values, query)
    assert recovered.dtype == np.float32
    assert np.square(recovered - waves(query)).mean() < 0.3 * np.square(values.mean(0) - waves(query)).mean()
    np.testing.assert_allclose(entry.interpolate(points, values, points), values, atol=0.02)


def test_values_at_equal_points_are_averaged_and_outside_points_are_finite(entry):
    rng = np.random.default_rng(1)
    points = rng.random((40, 2))
    values = waves(points)
    doubled = entry.interpolate(np.tile(points, (2, 1)), np.concatenate([values - 1, values + 1]), points)
    assert np.abs(doubled - values).mean() < 0.1
    assert np.isfinite(entry.interpolate(points, values, 3 * points - 1)).all()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_points_are_enough(entry, count):
    points = np.arange(2.0 * count).reshape(count, 2)  # on one line
    assert np.isfinite(entry.interpolate(points, points, points + 0.3)).all()


def test_points_that_are_none_or_not_finite_are_refused(entry):
    empty = np.zeros((0, 2))
    with pytest.raises(UserError, match="at least one"):
        entry.interpolate(empty, empty, empty)
    with pytest.raises(UserError, match="not finite"):
        entry.interpolate(np.ones((2, 2)), np.array([[np.nan], [1]]), np.ones((1, 2)))
