from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, grids
from inrr_jax.fields import Field, siren
from inrr_jax.operators import masking
from inrr_jax.operators.masking import masked
from inrr_jax.problem import Domain, Evaluated
from inrr_jax.regularizers import RegularizerSettings, build
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.types import HyperParameters

GRID = (6, 9)


def signal_and_mask(grid=GRID, channels=2):
    rng = np.random.default_rng(0)
    return rng.random((*grid, channels), np.float32), rng.random(grid) < 0.6


def surface(points):
    """Evaluate some signal of two channels."""
    return jnp.stack([jnp.sin(3 * points[:, 0] + points[:, 1]), jnp.cos(2 * points[:, 1])], axis=-1)


def values_on_grid(signal, grid=GRID):
    points = np.stack(np.meshgrid(*grids.axes(grid), indexing="ij"), axis=-1).reshape(-1, len(grid))
    return np.asarray(signal(jnp.asarray(points))).reshape(*grid, -1)


def misfit_of(problem, sample):
    return problem.operator.misfit(problem.measurements, Evaluated(sample, None, None, surface))


def test_the_misfit_is_the_mean_over_all_entries_of_the_error_at_observed_ones():
    image, mask = signal_and_mask()
    problem = masked(image, mask).visible
    plan = fibers.plan(jax.random.key(0), GRID, 0)
    found = float(misfit_of(problem, plan.collect(surface(plan.points))))
    squares = (values_on_grid(surface).astype(np.float64) - image) ** 2
    assert found == pytest.approx(squares[mask].sum() / image.size, rel=1e-5)
    # The mean over the observed entries alone would be larger by the ratio of all entries to them.
    assert found == pytest.approx(squares[mask].mean() * mask.mean(), rel=1e-5)
    assert found < 0.9 * squares[mask].mean()


@pytest.mark.parametrize("hidden", ["value", "nan", "infinity"])
@pytest.mark.parametrize("truth", [True, False])
def test_measurements_are_zero_where_missing_whatever_the_signal_holds_there(hidden, truth):
    image, mask = signal_and_mask()
    image[~mask] = {"value": 0.7, "nan": np.nan, "infinity": np.inf}[hidden]
    problem = masked(image, mask, truth=truth)
    for version in (problem, problem.visible):
        np.testing.assert_array_equal(np.asarray(version.measurements)[~mask], 0.0)
        np.testing.assert_array_equal(np.asarray(version.measurements)[mask], image[mask])
    assert problem.measurements.dtype == np.float32
    assert (problem.truth is image) if truth else (problem.truth is None)


def test_a_fit_sees_neither_the_truth_nor_anything_else_of_the_missing_entries():
    image, mask = signal_and_mask()
    other = np.where(mask[..., None], image, 1 - image)
    problem, same = masked(image, mask), masked(other, mask)
    assert problem.visible.truth is None
    leaves, others = jax.tree.leaves(problem.visible), jax.tree.leaves(same.visible)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    for a, b in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(a, b)
    assert problem.digest != same.digest
    assert masked(image, mask, truth=False).digest == masked(other, mask, truth=False).digest


@pytest.mark.parametrize("hidden", [np.nan, 0.7])
def test_a_fit_does_not_depend_on_the_values_under_the_mask(hidden):
    image, mask = signal_and_mask()
    settings = Settings(
        field=siren.Config(width=8, depth=2, precision="float32"),
        regularizer=RegularizerSettings(name="grid"),
        optimizer=OptimizerSettings(name="adam"),
        train=TrainSettings(steps=3, fibers=3),
    )
    damaged = np.where(mask[..., None], image, np.float32(hidden))
    np.testing.assert_array_equal(
        fit.solve(masked(damaged, mask, truth=False), settings), fit.solve(masked(image, mask), settings)
    )


def test_the_domain_is_that_of_the_signal():
    image, mask = signal_and_mask((3, 4, 5), 2)
    assert masked(image, mask).domain == Domain((3, 4, 5), 2, (0.0, 1.0))
    assert masked(image, mask, bounds=None).domain == Domain((3, 4, 5), 2, None)


def test_the_prediction_is_the_signal_on_the_grid_and_zero_where_missing():
    image, mask = signal_and_mask()
    problem = masked(image, mask).visible
    found = problem.operator.predict(surface, problem.domain)
    assert found.shape == problem.measurements.shape
    np.testing.assert_allclose(found, np.where(mask[..., None], values_on_grid(surface), 0), atol=1e-6)
    np.testing.assert_array_equal(problem.operator.observed(problem.domain), mask)


class CountedField:
    """A field that records how many points each evaluation has."""

    def __init__(self, channels=2):
        self.counts = []
        self.channels = channels

    def build(self):
        """Return the field."""

        def apply(params, points, hyper):
            self.counts.append(len(points))
            return jnp.broadcast_to(params["field"].sum() + points[:, :1], (len(points), self.channels))

        return Field(lambda key, auxiliary: {"field": jnp.ones(2)}, apply)


@pytest.mark.parametrize(
    ("terms", "count", "points"),
    [
        ("none", 3, 3 * 6 + 3 * 9),
        ("grid", 3, 3 * 6 + 3 * 9),
        ("grid+tikhonov2+tv_anisotropic", 2, 2 * 6 + 2 * 9),
        ("tv", 3, 2 * 3 * 6 + 3 * 9),
        ("grid", 0, 6 * 9),
        ("tv", 0, 6 * 9),
    ],
)
def test_a_step_evaluates_the_points_of_its_fibers_once_and_no_others(terms, count, points):
    problem = masked(*signal_and_mask()).visible
    settings = RegularizerSettings(name=terms)
    hyper = HyperParameters({}, {name: config.weight for name, config in settings.terms.items()}, {})
    field = CountedField()
    evaluate = partial(
        objective,
        problem=problem,
        hyper=hyper,
        key=jax.random.key(0),
        field=field.build(),
        regularizer=build(settings.terms, problem.domain),
        fiber_count=count,
        measurement_count=5,
    )
    jax.eval_shape(evaluate, {"field": {"field": jnp.ones(2)}})
    assert field.counts == [points]


def test_a_masked_problem_requests_no_points_of_its_own():
    problem = masked(*signal_and_mask()).visible
    operator = problem.operator
    assert operator.request(problem.measurements, problem.domain, jax.random.key(0), 5) is None
    assert operator.on_grid


def test_masking_is_a_pytree_of_its_mask():
    operator = masking.Masking(jnp.ones(GRID, bool))
    assert len(jax.tree.leaves(operator)) == 1
    stacked = jax.vmap(lambda operator: operator.mask.sum())(masking.Masking(jnp.ones((3, *GRID), bool)))
    np.testing.assert_array_equal(stacked, [54, 54, 54])
