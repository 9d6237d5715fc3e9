from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, grids
from inrr_jax.operators.masking import masked
from inrr_jax.problem import Evaluated
from inrr_jax.regularizers import RegularizerSettings, build
from inrr_jax.regularizers.dirichlet import from_factor

DRAWS = 4000


def problem_of(key, grid=(10, 14), channels=2):
    """Return a problem whose missing entries have a guide."""
    keys = jax.random.split(key, 3)
    values, guide = (np.asarray(jax.random.uniform(k, (*grid, channels))) for k in (keys[0], keys[2]))
    mask = np.asarray(jax.random.uniform(keys[1], grid)) > 0.4
    return masked(values, mask).with_auxiliary(guide=guide).visible


def surface(points):
    """Evaluate some field that is smooth in both coordinates and different in the channels."""
    return jnp.stack([jnp.sin(3 * points[:, 0] + points[:, 1]), jnp.cos(2 * points[:, 1])], axis=-1)


def factors(key, grid):
    keys = jax.random.split(key, len(grid))
    return [jax.nn.softmax(jax.random.normal(k, (n, 6)), axis=-1) for k, n in zip(keys, grid, strict=True)]


def sample_of(problem, key, count):
    """Evaluate the field on `count` random fibers along every axis, or on the whole grid if `count` is 0."""
    plan = fibers.plan(key, problem.domain.shape, count)
    return plan.collect(surface(plan.points))


def misfit_and_guide(sample, problem):
    """Return the two means over entries: the operator's misfit and the energy of the guide."""
    misfit = problem.operator.misfit(problem.measurements, Evaluated(sample, None, None, surface))
    guide = build(RegularizerSettings(name="guide").terms, problem.domain)
    return misfit, guide.energies({}, sample, problem)["guide"]["all"]


@partial(jax.jit, static_argnums=3)
def energies_of(problem, key, graphs, count):
    """Return all of it for one sample, as one program."""
    return energies(sample_of(problem, key, count), problem, graphs)


def energies(sample, problem, graphs):
    of_rows_and_columns = [from_factor(along, graph) for along, graph in zip(sample.along, graphs, strict=True)]
    return jnp.stack([*of_rows_and_columns, *misfit_and_guide(sample, problem)])


def test_the_whole_grid_equals_slow_loops(key):
    problem = problem_of(key)
    sample = sample_of(problem, key, 0)
    grid = np.asarray(surface(grids.all_points(tuple(map(jnp.asarray, grids.axes((10, 14))))))).reshape(10, 14, 2)
    np.testing.assert_array_equal(sample.along[0], grid.transpose(1, 0, 2))
    np.testing.assert_array_equal(sample.along[1], grid)
    np.testing.assert_array_equal(sample.whole, grid)
    misfit, guide = misfit_and_guide(sample, problem)
    mask = np.asarray(problem.operator.mask)
    for found, values, where in ((misfit, problem.measurements, mask), (guide, problem.auxiliary["guide"], ~mask)):
        total = 0.0
        for i, j in np.argwhere(where):
            total += ((grid[i, j] - np.asarray(values)[i, j]) ** 2).sum()
        assert float(found) == pytest.approx(total / grid.size, rel=1e-5)


@pytest.mark.parametrize("count", [3, 4])
def test_sampled_energies_and_misfit_are_unbiased(key, count):
    problem = problem_of(key)
    graphs = factors(key, problem.domain.shape)
    full = np.asarray(energies_of(problem, key, graphs, 0))
    draws = np.asarray(sampled(problem, graphs, key, count))
    error = draws.std(axis=0) / DRAWS**0.5
    assert (np.abs(draws.mean(axis=0) - full) < 4 * error).all()
    assert (error < 0.02 * full).all()


def test_a_scheme_that_prefers_the_first_lines_is_caught(key, monkeypatch):
    problem = problem_of(key)
    graphs = factors(key, problem.domain.shape)
    full = np.asarray(energies_of(problem, key, graphs, 0))
    honest = fibers.stratified
    monkeypatch.setattr(fibers, "stratified", lambda k, population, count: honest(k, population - 1, count))
    draws = np.asarray(sampled(problem, graphs, key, 3))
    assert (np.abs(draws.mean(axis=0) - full) > 4 * draws.std(axis=0) / DRAWS**0.5).any()


def sampled(problem, graphs, key, count):
    def one(k):
        return energies(sample_of(problem, k, count), problem, graphs)

    return jax.jit(jax.vmap(one))(jax.random.split(key, DRAWS))


@pytest.mark.parametrize(("population", "count"), [(12, 4), (10, 3), (7, 7), (5, 1)])
def test_stripes_hold_one_line_each_and_every_line_is_as_likely(key, population, count):
    drawn = np.asarray(jax.vmap(lambda k: fibers.stratified(k, population, count))(jax.random.split(key, 20_000)))
    edges = np.arange(count + 1) * population / count
    assert (drawn >= np.floor(edges[:-1])).all()
    assert (drawn < np.ceil(edges[1:])).all()
    shares = np.bincount(drawn.ravel(), minlength=population) / len(drawn)
    expected = count / population
    np.testing.assert_allclose(shares, expected, atol=5 * (expected / len(drawn)) ** 0.5)


def test_all_fibers_drawn_equal_the_whole_grid(key):
    problem = problem_of(key, grid=(9, 9))
    graphs = factors(key, (9, 9))
    whole, drawn = (energies_of(problem, key, graphs, count) for count in (0, 9))
    np.testing.assert_allclose(drawn, whole, rtol=1e-5)


def test_fibers_of_a_volume_run_along_every_axis(key):
    grid = (4, 5, 6)
    volume = jnp.arange(4 * 5 * 6).reshape(grid)
    for axis, index in enumerate(fibers.draw(key, grid, 3)):
        lines = np.asarray(volume[index])
        assert lines.shape == (3, grid[axis])
        steps = np.diff(lines, axis=1)
        assert (steps == volume.strides[axis] // volume.itemsize if hasattr(volume, "strides") else steps).all()
        assert (steps == (30, 6, 1)[axis]).all()


def test_gradients_of_misfit_and_guide_against_central_differences(double_precision, key):
    with double_precision():
        problem = problem_of(key)
        rng = np.random.default_rng(0)
        picture, direction = (jnp.array(rng.random(problem.measurements.shape)) for _ in range(2))

        def parts(values):
            sample = fibers.plan(key, problem.domain.shape, 0).collect(values.reshape(-1, 2))
            return jnp.stack(misfit_and_guide(sample, problem))

        found = (jax.jacrev(parts)(picture) * direction[None]).sum((1, 2, 3))
        central = (parts(picture + 1e-6 * direction) - parts(picture - 1e-6 * direction)) / 2e-6
        np.testing.assert_allclose(found, central, rtol=1e-6)
        assert (abs(central) > 1e-4).all()


@pytest.mark.parametrize("count", [0, 4])
def test_missing_values_do_not_enter_the_misfit(key, count):
    problem = problem_of(key)
    mask, values = problem.operator.mask[..., None], problem.measurements
    poisoned = problem._replace(measurements=jnp.where(mask, values, 1e6))
    changed = problem._replace(measurements=jnp.where(mask, values + 0.1, 0.0))
    misfit = jax.jit(lambda p: misfit_and_guide(sample_of(p, key, count), p)[0])
    misfits = [misfit(p) for p in (problem, poisoned, changed)]
    assert misfits[0] == misfits[1]
    assert misfits[0] != misfits[2]


@pytest.mark.parametrize(("grid", "count"), [((10, 14), 3), ((10, 14), 0), ((4, 5, 6), 2)])
def test_a_plan_names_the_point_of_every_value_of_its_sample(key, grid, count):
    # A field that returns its coordinates shows at which point each value of the sample was evaluated.
    @jax.jit
    def drawn(key):
        plan = fibers.plan(key, grid, count, adjacent=True)
        return plan.collect(plan.points)

    sample = drawn(key)
    axes = [np.asarray(axis) for axis in grids.axes(grid)]
    for axis, lines in enumerate(sample.along):
        assert lines.shape == (count or np.prod(grid) // grid[axis], grid[axis], len(grid))
        np.testing.assert_array_equal(lines[:, :, axis], np.broadcast_to(axes[axis], lines.shape[:2]))
        assert all((np.ptp(lines[:, :, other], axis=1) == 0).all() for other in range(len(grid)) if other != axis)
        if count:
            expected = np.stack([axes[a][np.asarray(i)] for a, i in enumerate(sample.drawn[axis])], axis=-1)
            np.testing.assert_array_equal(lines, expected)
    spacing = 2 / (max(grid) - 1)
    for axis, lines in enumerate(sample.adjacent, start=1):
        step = np.asarray(lines - sample.along[0])
        at_border = np.asarray(sample.along[0][..., axis]) == axes[axis][-1]
        np.testing.assert_allclose(step[..., axis], np.where(at_border, 0, spacing), atol=1e-6)
        assert (np.delete(step, axis, axis=-1) == 0).all()
    assert len(sample.adjacent) == len(grid) - 1
