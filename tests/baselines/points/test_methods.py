"""Interpolations against exact cases, SciPy, and kriging by another implementation."""

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from inrr_jax.baselines.points import POINTS
from inrr_jax.baselines.points.kriging import Variogram, _predict, fit_variogram
from inrr_jax.baselines.points.scaling import choose_scale, standard_scale
from inrr_jax.baselines.points.thin_plate import thin_plate


def plane(points):
    return (1 + points @ np.arange(1.0, points.shape[1] + 1))[:, None]


@pytest.mark.parametrize("name", ["linear", "clough_tocher", "thin_plate"])
def test_a_plane_is_reproduced_and_the_nearest_value_is_not(name):
    rng = np.random.default_rng(0)
    points, query = rng.random((80, 2)), 0.3 + 0.4 * rng.random((30, 2))
    np.testing.assert_allclose(POINTS[name].interpolate(points, plane(points), query), plane(query), atol=1e-4)
    assert abs(POINTS["nearest"].interpolate(points, plane(points), query) - plane(query)).max() > 0.05


def test_thin_plate_is_scipys():
    rng = np.random.default_rng(0)
    points, query = rng.random((60, 3)), rng.random((20, 3))
    values = np.sin(3 * points[:, :1])
    expected = RBFInterpolator(points, values, neighbors=24)(query)
    np.testing.assert_allclose(thin_plate(points, values, query), expected, atol=1e-5)


def test_kriging_agrees_with_the_covariance_form():
    rng = np.random.default_rng(0)
    points, query = rng.random((15, 2)), rng.random((6, 2))
    values = rng.standard_normal((15, 1))
    predicted = _predict(points, values, query, Variogram("exponential", 0.1, 2.0, 0.5))
    # C = nugget + sill - gamma; the generalised least squares mean plus the weighted residuals.
    distance = lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=-1)  # noqa: E731
    covariance = 2.0 * np.exp(-distance(points, points) / 0.5) + 0.1 * np.eye(15)
    inverse = np.linalg.inv(covariance)
    mean = (inverse @ values).sum() / inverse.sum()
    expected = mean + 2.0 * np.exp(-distance(query, points) / 0.5) @ inverse @ (values - mean)
    np.testing.assert_allclose(predicted, expected, atol=1e-8)


def test_the_fitted_variogram_is_that_of_the_process():
    rng = np.random.default_rng(0)
    points = rng.random((600, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    draws = np.linalg.cholesky(np.exp(-distance / 0.2) + 1e-9 * np.eye(600)) @ rng.standard_normal((600, 20))
    fitted = fit_variogram(points, draws)
    lags = np.array([0.03, 0.1, 0.3])
    np.testing.assert_allclose(fitted(lags), 1 - np.exp(-lags / 0.2), rtol=0.15)


def test_an_axis_along_which_nothing_changes_is_shrunk():
    rng = np.random.default_rng(0)
    points = rng.random((400, 2)) * [1, 1000]
    values = np.sin(12 * points[:, :1])
    scale = choose_scale(POINTS["nearest"].interpolate, points, values)
    assert scale[1] == standard_scale(points)[1]  # a method that standardises does not see the scale
    query = rng.random((200, 2)) * [1, 1000]
    error = {
        n: abs(POINTS[n].interpolate(points, values, query) - np.sin(12 * query[:, :1])).mean()
        for n in ("nearest", "nearest_scaled", "thin_plate", "thin_plate_scaled")
    }
    assert error["nearest_scaled"] < 0.5 * error["nearest"]
    assert error["thin_plate_scaled"] <= error["thin_plate"]
