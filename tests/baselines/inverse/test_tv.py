"""Total variation and Tikhonov's energy through an operator: exact minima, a misfit that curves, choice of lambda."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines.inverse import tv
from inrr_jax.operators.noise import Poisson
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.problem import Domain, Problem

RNG = np.random.default_rng(0)
HALF, WIDTH = 8, 6


def problem(values, factor=(1, 1), **options):
    measured = AreaAverage(factor).apply(jnp.asarray(values, jnp.float32))
    return Problem(Domain(values.shape[:2], values.shape[2]), AreaAverage(factor, **options), np.asarray(measured))


def test_a_step_loses_the_height_that_the_theory_says():
    """Of mean (u - y)² + lambda TV for a step between halves of n rows: each half moves by lambda / 2n."""
    weight = 0.8
    step = np.repeat([0.2, 0.8], HALF)[:, None, None] * np.ones((1, WIDTH, 1))
    found = tv.minimise(problem(step), "tv", weight, jnp.full(step.shape, 0.5), 100)
    moved = weight / (2 * HALF)
    np.testing.assert_allclose(found[:HALF], 0.2 + moved, atol=1e-4)
    np.testing.assert_allclose(found[HALF:], 0.8 - moved, atol=1e-4)


def test_tikhonov_solves_its_normal_equations():
    """(A^T A / M + lambda / N G^T G) u = A^T y / M for block means A of M blocks and differences G of N nodes."""
    values, weight = RNG.uniform(0.3, 0.7, (6, 4, 1)), 0.3
    averaged = problem(values, (2, 2))._replace(domain=Domain((6, 4), 1, None))
    found = tv.minimise(averaged, "tikhonov", weight, jnp.zeros(values.shape), 2000)
    basis = jnp.eye(24).reshape(24, 6, 4, 1)
    blocks = np.stack([np.asarray(averaged.operator.apply(b)).ravel() for b in basis], axis=1).astype(np.float64)
    down, right = (np.diff(np.eye(24).reshape(24, 6, 4), axis=axis).reshape(24, -1).T for axis in (1, 2))
    differences = np.concatenate([down, right])
    matrix = blocks.T @ blocks / 6 + weight / 24 * differences.T @ differences
    exact = np.linalg.solve(matrix, blocks.T @ np.asarray(averaged.measurements, np.float64).ravel() / 6)
    np.testing.assert_allclose(np.asarray(found).ravel(), exact, atol=2e-4)


def test_the_descent_survives_a_curvature_that_it_has_underestimated():
    """The second derivative of the Poisson misfit at small values is far above that at the start."""
    counts = problem(np.full((8, 8, 1), 0.02), noise=Poisson(1000.0))
    found = tv.minimise(counts, "tv", 0.01, jnp.full((8, 8, 1), 0.9), 200)
    np.testing.assert_allclose(found, 0.02, atol=2e-3)


@pytest.mark.parametrize("method", [tv.tv, tv.tikhonov])
def test_held_out_measurements_choose_a_lambda_that_removes_noise(method):
    rows, columns = np.meshgrid(np.arange(24), np.arange(20), indexing="ij")
    truth = (0.3 + 0.4 * ((rows - 12) ** 2 + (columns - 9) ** 2 < 49))[..., None].astype(np.float32)
    noisy = truth + 0.1 * RNG.normal(size=truth.shape)
    found = method(problem(noisy))
    assert found.shape == truth.shape
    gain = float(metrics.psnr(found, truth)) - float(metrics.psnr(noisy, truth))
    assert gain > (5 if method is tv.tv else 2)
