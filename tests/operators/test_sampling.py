from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.errors import UserError
from inrr_jax.fields import Field
from inrr_jax.operators.sampling import Sampling
from inrr_jax.problem import Domain, Evaluated, Problem
from inrr_jax.regularizers import RegularizerSettings, build
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.types import HyperParameters

GRID = (24, 20)
DOMAIN = Domain(GRID, 1)
POINTS = 150
DRAWS = 3000


def scattered(count=POINTS):
    """Return points at random, most of them off the grid's nodes."""
    rng = np.random.default_rng(0)
    sides = np.array([1.0, 19 / 23])  # the longest axis spans [-1, 1]
    return jnp.asarray(rng.uniform(-sides, sides, (count, 2)), jnp.float32)


def noisy_problem(signal):
    """Return measurements of the signal with so much noise that single points have very different errors."""
    noise = np.random.default_rng(1).normal(size=(POINTS, 1)) ** 3
    return Problem(DOMAIN, Sampling(scattered()), signal(scattered()) + jnp.asarray(noise, jnp.float32)).visible


def misfit(problem, signal, key, count):
    """Return the misfit of a step: that of the points that the operator requests."""
    request = problem.operator.request(problem.measurements, problem.domain, key, count)
    evaluated = Evaluated(None, request.measured, signal(request.points), signal)
    return problem.operator.misfit(problem.measurements, evaluated)


def misfit_at(problem, signal, key, count):
    """Return the same for one key, computed by one program."""
    return float(jax.jit(lambda k: misfit(problem, signal, k, count))(key))


def test_the_prediction_is_the_signal_at_the_points(signal):
    points = scattered(7)
    found = np.asarray(Sampling(points).predict(signal, DOMAIN))
    assert found.shape == (7, 1)
    x, y = np.asarray(points, np.float64).T
    np.testing.assert_allclose(found[:, 0], 0.5 + 0.3 * np.sin(3 * x + y) * np.cos(2 * y - 0.5 * x), atol=1e-6)


@pytest.mark.parametrize("count", [0, POINTS, POINTS + 7])
def test_the_misfit_of_a_full_batch_is_the_mean_squared_difference_of_the_prediction(key, signal, count):
    problem = noisy_problem(signal)
    predicted = np.asarray(problem.operator.predict(signal, DOMAIN), np.float64)
    expected = ((predicted - np.asarray(problem.measurements)) ** 2).mean()
    assert misfit_at(problem, signal, key, count) == pytest.approx(expected, rel=1e-5)


def draws(problem, signal, key):
    return np.asarray(jax.jit(jax.vmap(lambda k: misfit(problem, signal, k, 10)))(jax.random.split(key, DRAWS)))


def standard_errors(many, expected):
    return abs(many.mean() - expected) / (many.std() / DRAWS**0.5)


def test_a_minibatch_estimates_the_misfit_without_bias(key, signal):
    problem = noisy_problem(signal)
    whole = misfit_at(problem, signal, key, 0)
    many = draws(problem, signal, key)
    assert standard_errors(many, whole) < 4
    assert many.std() > 0.1 * whole


def test_a_sampler_that_avoids_half_of_the_points_would_be_biased(key, signal, monkeypatch):
    problem = noisy_problem(signal)
    # The second half of the points has larger errors, so a sampler that avoids them underestimates the misfit.
    order = np.argsort(np.abs(np.asarray(problem.measurements - signal(problem.operator.points)))[:, 0])
    problem = problem._replace(
        operator=Sampling(problem.operator.points[order]), measurements=problem.measurements[order]
    )
    whole, honest = misfit_at(problem, signal, key, 0), jax.random.randint
    assert standard_errors(draws(problem, signal, key), whole) < 4
    monkeypatch.setattr(jax.random, "randint", lambda k, shape, low, high: honest(k, shape, low, high // 2))
    assert standard_errors(draws(problem, signal, key), whole) > 10


def test_no_entry_of_the_grid_is_observed():
    observed = Sampling(scattered()).observed(DOMAIN)
    assert observed.shape == GRID
    assert not observed.any()


@pytest.mark.parametrize(
    ("points", "measurements", "message"),
    [
        ((5, 3), (5, 1), r"points of shape \(5, 3\)"),
        ((5, 2), (4, 1), r"measurements of shape \(4, 1\)"),
        ((5, 2), (5, 2), r"measurements of shape \(5, 2\)"),
    ],
)
def test_wrong_shapes_are_refused_in_one_line(key, points, measurements, message):
    operator = Sampling(jnp.zeros(points))
    with pytest.raises(UserError, match=message) as caught:
        operator.request(jnp.zeros(measurements), DOMAIN, key, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("terms", "count", "expected"), [("none", 0, 150), ("none", 10, 10), ("grid", 10, 3 * 44 + 10)]
)
def test_a_step_evaluates_the_requested_points_and_fibers_only_for_a_regulariser(key, signal, terms, count, expected):
    problem, settings, counts = noisy_problem(signal), RegularizerSettings(name=terms), []

    def apply(params, points, hyper):
        counts.append(len(points))
        return params["scale"] * signal(points)

    evaluate = partial(
        objective,
        problem=problem,
        hyper=HyperParameters({}, {name: config.weight for name, config in settings.terms.items()}, {}),
        key=key,
        field=Field(lambda key, auxiliary: {}, apply),
        regularizer=build(settings.terms, DOMAIN),
        fiber_count=3,
        measurement_count=count,
    )
    loss, info = jax.jit(evaluate)({"field": {"scale": jnp.ones(())}})
    assert counts == [expected]
    # The field is the true signal, so the fidelity is the misfit at the points that this key draws.
    own = misfit(problem, signal, jax.random.fold_in(key, 1), count)
    assert float(info["fidelity"]) == pytest.approx(float(own), rel=1e-5)
    assert (float(loss) == float(info["fidelity"])) == (terms == "none")


@pytest.mark.parametrize(
    ("regularizer", "measurements"), [pytest.param("none", 0, marks=pytest.mark.slow), ("inrr", 60)]
)
def test_a_siren_recovers_a_smooth_signal_from_scattered_points(signal, truth_on, quick, regularizer, measurements):
    problem = Problem(DOMAIN, Sampling(scattered()), signal(scattered()), truth=truth_on(GRID))
    recovered = fit.solve(problem, quick(regularizer, measurements))
    assert recovered.shape == (*GRID, 1)
    assert float(metrics.psnr(recovered, problem.truth)) > 36
