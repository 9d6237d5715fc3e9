"""Tests of inrr_jax.priors.covariance."""

import numpy as np
import pytest

from inrr_jax.priors import covariance
from inrr_jax.priors.covariance import Covariance, Kriging

RNG = np.random.default_rng(0)


def dense(kriging, query):
    """Ordinary kriging from all points at once, as the solution of its saddle-point system (Cressie, eq. 3.2.12)."""
    lengths, variance, noise = (np.exp(np.asarray(part, np.float64)) for part in kriging.covariance)
    noise = noise + covariance.JITTER * variance

    def matern(a, b):
        r = np.sqrt(3) * np.linalg.norm((a[:, None] - b[None]) / lengths, axis=-1)
        return variance * (1 + r) * np.exp(-r)

    x, at = kriging.points.astype(np.float64), (query - kriging.centre) / kriging.scale
    system = np.ones((len(x) + 1, len(x) + 1))
    system[:-1, :-1], system[-1, -1] = matern(x, x) + noise * np.eye(len(x)), 0
    right = np.vstack([matern(x, at), np.ones(len(at))])
    weights = np.linalg.solve(system, right)
    variances = variance + noise - np.sum(weights * right, axis=0)
    return kriging.mean + kriging.deviation * (weights[:-1].T @ kriging.values), kriging.deviation * np.sqrt(variances)


def test_a_prediction_from_all_points_solves_the_system_of_ordinary_kriging():
    points, values = RNG.standard_normal((12, 2)) * [1, 100] + [5, 1e6], RNG.standard_normal((12, 3)) + 40
    centre, scale = points.mean(axis=0), points.std(axis=0)
    scaled = Covariance(np.float32([-0.5, 0.3]), np.full((), 0.2, np.float32), np.full((), -3, np.float32))
    x = ((points - centre) / scale).astype(np.float32)
    y = ((values - values.mean(0)) / values.std()).astype(np.float32)
    kriging = Kriging(x, y, centre, scale, values.mean(0), float(values.std()), scaled)
    query = points[:5] + [0.3, 20]
    mean, deviation = kriging.predict(query)
    expected_mean, expected_deviation = dense(kriging, query)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-4)
    np.testing.assert_allclose(deviation, expected_deviation, rtol=1e-3)


@pytest.fixture(scope="module")
def waves():
    """Values that vary twenty times faster along the second axis, and the kriging that is learned from them."""
    points = RNG.random((600, 2)) * [200, 1] + [0, 7]

    def truth(p):
        return 100 + 3 * np.sin(p[:, :1] / 40) + np.cos(9 * p[:, 1:])

    return truth, covariance.learn(points, truth(points))


def test_lengths_are_learned_for_every_axis(waves):
    truth, kriging = waves
    query = RNG.random((100, 2)) * [180, 0.9] + [10, 7.05]
    mean, _ = kriging.predict(query)
    assert np.sqrt(np.mean((mean - truth(query)) ** 2)) < 0.02  # the signal has a deviation of 2
    along = np.exp(kriging.covariance.lengths) * kriging.scale
    assert along[0] > 10 * along[1]


def test_predictions_pass_through_the_values_without_noise(waves):
    truth, kriging = waves
    points = kriging.centre + kriging.scale * kriging.points[:20].astype(np.float64)
    np.testing.assert_allclose(kriging.predict(points)[0], truth(points), atol=0.02)


def test_noise_is_learned_and_covered_by_the_deviation():
    points = RNG.random((800, 1)) * 10
    values = np.sin(points) + 0.3 * RNG.standard_normal(points.shape)
    kriging = covariance.learn(points, values)
    query = RNG.random((500, 1)) * 10
    mean, deviation = kriging.predict(query)
    assert np.sqrt(np.mean((mean - np.sin(query)) ** 2)) < 0.15
    noisy = np.sin(query) + 0.3 * RNG.standard_normal(query.shape)
    assert 0.85 < np.mean(np.abs(mean - noisy) < 1.645 * deviation[:, None]) < 0.95


def test_the_deviation_grows_away_from_the_points(waves):
    _, kriging = waves
    _, deviation = kriging.predict(np.array([[100.0, 7.5], [100.0, 9.0]]))
    assert deviation[1] > 5 * deviation[0]


@pytest.mark.parametrize(("points", "values"), [([[0.0], [1.0]], [[1.0], [3.0]]), ([[0.0], [1.0]], [[2.0], [2.0]])])
def test_two_points_and_constant_values_are_enough(points, values):
    kriging = covariance.learn(np.array(points), np.array(values))
    mean, deviation = kriging.predict(np.array([[0.5]]))
    assert mean[0, 0] == pytest.approx(2.0, abs=1e-3)
    assert np.isfinite(deviation).all()
    assert kriging.predict(np.zeros((0, 1)))[0].shape == (0, 1)
