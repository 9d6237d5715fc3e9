from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids, metrics
from inrr_jax.errors import UserError
from inrr_jax.fields import Field
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.problem import Domain, Evaluated, Problem
from inrr_jax.regularizers import RegularizerSettings, build
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.types import HyperParameters

GRID = (24, 20)
DOMAIN = Domain(GRID, 1)
BLOCKS = 12 * 10
DRAWS = 3000


def block_means(values, factor):
    """Return the means over blocks of the grid, by loops."""
    coarse = tuple(n // f for n, f in zip(values.shape, factor, strict=False))
    means = np.empty((*coarse, values.shape[-1]))
    for corner in np.ndindex(coarse):
        block = tuple(slice(c * f, (c + 1) * f) for c, f in zip(corner, factor, strict=True))
        means[corner] = values[block].reshape(-1, values.shape[-1]).astype(np.float64).mean(axis=0)
    return means


def on_grid(signal, grid):
    points = np.stack(np.meshgrid(*grids.axes(grid), indexing="ij"), axis=-1).reshape(-1, len(grid))
    return np.asarray(signal(jnp.asarray(points))).reshape(*grid, -1)


def noisy_problem(truth):
    """Return averages with so much noise that single blocks have very different errors."""
    noise = np.random.default_rng(1).normal(size=(12, 10, 1)) ** 3
    return Problem(DOMAIN, AreaAverage((2, 2)), jnp.asarray(block_means(truth, (2, 2)) + noise, jnp.float32)).visible


def misfit(problem, signal, key, count):
    """Return the misfit of a step: that of the blocks that the operator requests."""
    request = problem.operator.request(problem.measurements, problem.domain, key, count)
    evaluated = Evaluated(None, request.measured, signal(request.points), signal)
    return problem.operator.misfit(problem.measurements, evaluated)


def misfit_at(problem, signal, key, count):
    """Return the same for one key, computed by one program."""
    return float(jax.jit(lambda k: misfit(problem, signal, k, count))(key))


@pytest.mark.parametrize(("grid", "factor"), [((8, 12), (2, 2)), ((8, 12), (4, 3)), ((4, 6, 6), (2, 3, 1))])
def test_the_prediction_is_the_mean_over_the_nodes_of_every_block(grid, factor):
    def signal(points):
        return jnp.stack([jnp.sin(3 * points @ jnp.arange(1.0, len(grid) + 1)), points[:, 0] * points[:, -1]], axis=-1)

    found = AreaAverage(factor).predict(signal, Domain(grid, 2))
    np.testing.assert_allclose(found, block_means(on_grid(signal, grid), factor), atol=1e-6)


@pytest.mark.parametrize("count", [0, BLOCKS, BLOCKS + 7])
def test_the_misfit_of_a_full_batch_is_the_mean_squared_difference_of_the_prediction(key, signal, truth_on, count):
    problem = noisy_problem(truth_on(GRID))
    predicted = np.asarray(problem.operator.predict(signal, DOMAIN), np.float64)
    expected = ((predicted - np.asarray(problem.measurements)) ** 2).mean()
    assert misfit_at(problem, signal, key, count) == pytest.approx(expected, rel=1e-5)


def draws(problem, signal, key):
    return np.asarray(jax.jit(jax.vmap(lambda k: misfit(problem, signal, k, 10)))(jax.random.split(key, DRAWS)))


def standard_errors(many, expected):
    return abs(many.mean() - expected) / (many.std() / DRAWS**0.5)


def test_a_minibatch_estimates_the_misfit_without_bias(key, signal, truth_on):
    problem = noisy_problem(truth_on(GRID))
    whole = misfit_at(problem, signal, key, 0)
    many = draws(problem, signal, key)
    assert standard_errors(many, whole) < 4
    assert many.std() > 0.1 * whole


def test_a_sampler_that_avoids_half_of_the_blocks_would_be_biased(key, signal, truth_on, monkeypatch):
    problem = noisy_problem(truth_on(GRID))
    # The lower half of the blocks has larger errors, so a sampler that avoids them underestimates the misfit.
    lower = jnp.arange(12)[:, None, None] >= 6
    problem = problem._replace(measurements=jnp.where(lower, problem.measurements + 10, problem.measurements))
    whole, honest = misfit_at(problem, signal, key, 0), jax.random.randint
    assert standard_errors(draws(problem, signal, key), whole) < 4
    monkeypatch.setattr(jax.random, "randint", lambda k, shape, low, high: honest(k, shape, low, high // 2))
    assert standard_errors(draws(problem, signal, key), whole) > 10


def test_a_requested_block_has_all_of_its_nodes_and_its_own_measurement(key):
    operator = AreaAverage((2, 3))
    domain = Domain((6, 9), 1)
    request = operator.request(jnp.zeros((3, 3, 1)), domain, key, 4)
    assert request.points.shape == (4 * 6, 2)
    rows, columns = grids.nearest(request.points, domain.shape)
    blocks = (np.asarray(rows) // 2 * 3 + np.asarray(columns) // 3).reshape(4, 6)
    np.testing.assert_array_equal(blocks, np.broadcast_to(np.asarray(request.measured)[:, None], (4, 6)))
    nodes = (np.asarray(rows) * 9 + np.asarray(columns)).reshape(4, 6)
    assert all(len(set(row)) == 6 for row in nodes.tolist())


def test_no_entry_of_the_grid_is_observed():
    observed = AreaAverage((2, 2)).observed(DOMAIN)
    assert observed.shape == GRID
    assert not observed.any()


@pytest.mark.parametrize(
    ("factor", "shape", "message"),
    [
        ((5, 2), (4, 10, 1), r"area averages by \(5, 2\) on a grid of shape \(24, 20\): give one that divides it"),
        ((2,), (12, 1), r"area averages by \(2,\) on a grid of shape \(24, 20\): give one that divides it"),
        ((0, 2), (12, 10, 1), r"area averages by \(0, 2\) on a grid of shape \(24, 20\): give one that divides it"),
        ((2, 2), (24, 20, 1), r"measurements of shape \(24, 20, 1\): give \(12, 10, 1\)"),
        ((2, 2), (12, 10, 3), r"measurements of shape \(12, 10, 3\): give \(12, 10, 1\)"),
    ],
)
def test_wrong_shapes_are_refused_in_one_line(key, factor, shape, message):
    with pytest.raises(UserError, match=message) as caught:
        AreaAverage(factor).request(jnp.zeros(shape), DOMAIN, key, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("terms", "count", "expected"), [("none", 0, 480), ("none", 10, 40), ("grid", 10, 3 * 44 + 40), ("tv", 0, 480)]
)
def test_a_step_evaluates_whole_blocks_and_fibers_only_for_a_regulariser(key, truth_on, signal, terms, count, expected):
    problem, settings, counts = noisy_problem(truth_on(GRID)), RegularizerSettings(name=terms), []

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
        fiber_count=0 if terms == "tv" else 3,
        measurement_count=count,
    )
    loss, info = jax.jit(evaluate)({"field": {"scale": jnp.ones(())}})
    assert counts == [expected]
    own = misfit(problem, signal, jax.random.fold_in(key, 1), count)
    assert float(info["fidelity"]) == pytest.approx(float(own), rel=1e-5)
    assert (float(loss) == float(info["fidelity"])) == (terms == "none")


def test_the_operator_is_a_static_part_of_a_program():
    assert jax.tree.leaves(AreaAverage((2, 2))) == []
    assert AreaAverage((2, 2)) == AreaAverage((2, 2))
    assert AreaAverage((2, 2)) != AreaAverage((2, 1))


@pytest.mark.parametrize(
    ("regularizer", "measurements"), [pytest.param("none", 0, marks=pytest.mark.slow), ("inrr", 60)]
)
def test_a_siren_recovers_a_smooth_signal_from_averages_by_2(truth_on, quick, regularizer, measurements):
    truth = truth_on(GRID)
    averages = block_means(truth, (2, 2)).astype(np.float32)
    problem = Problem(DOMAIN, AreaAverage((2, 2)), averages, truth=truth)
    recovered = fit.solve(problem, quick(regularizer, measurements))
    assert recovered.shape == (*GRID, 1)
    psnr = float(metrics.psnr(recovered, truth))
    assert psnr > 40
    # Copies of each average are worse: the fit resolves more than its measurements show.
    assert psnr > float(metrics.psnr(np.repeat(np.repeat(averages, 2, axis=0), 2, axis=1), truth)) + 8
