"""The recipe of one fit: it prepares what is missing and nothing else, and refuses what its stages cannot do."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.operators.sampling import Sampling
from inrr_jax.options import change
from inrr_jax.priors import residual
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes import pipeline, stacking
from inrr_jax.recipes.fills import FILLS
from inrr_jax.recipes.inverse import splitting
from inrr_jax.recipes.pipeline import Prepared
from inrr_jax.settings import RECIPE, Settings
from inrr_jax.training import fit

pytestmark = pytest.mark.usefixtures("quick_fills")

TINY = change(
    Settings(),
    {
        "field.width": 8,
        "field.depth": 1,
        "regularizer.name": "none",
        "optimizer.name": "adam",
        "train.steps": 3,
        "train.fibers": 4,
    },
)
RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 10, 1), dtype=np.float32)
MASK = RNG.random((12, 10)) < 0.6
PROBLEM = masked(IMAGE, MASK)
VOLUME = masked(RNG.random((5, 6, 7, 1), dtype=np.float32), RNG.random((5, 6, 7)) < 0.5)
AVERAGES = Problem(Domain((12, 10), 1), AreaAverage((2, 2)), np.zeros((6, 5, 1), np.float32))


def prepare_and_finish(problem, settings):
    raw = np.zeros((*problem.domain.shape, 1), np.float32)
    return pipeline.finish(raw, pipeline.prepare(problem, settings), settings)


def refuse(*args, **options):
    raise AssertionError("a stage ran that the settings do not need")


def test_a_plain_fit_needs_no_preparation_and_no_finish(monkeypatch):
    monkeypatch.setattr(stacking, "build", refuse)
    prepared = pipeline.prepare(PROBLEM, TINY, fit_one=refuse)
    assert prepared.problem is PROBLEM
    assert prepared.stack is None
    assert pipeline.finish(IMAGE, prepared, TINY) is IMAGE
    np.testing.assert_array_equal(pipeline.solve(PROBLEM, TINY), fit.solve(PROBLEM, TINY))


def test_only_missing_auxiliary_arrays_are_added(monkeypatch):
    guided, inrz = change(TINY, {"regularizer.name": "guide"}), change(TINY, {"field.name": "inrz"})
    prepared = pipeline.prepare(PROBLEM, guided, fit_one=refuse)
    assert set(prepared.problem.auxiliary) == {"guide"}
    np.testing.assert_array_equal(prepared.problem.auxiliary["guide"], stacking.build(IMAGE, MASK).guide)
    first = pipeline.prepare(PROBLEM, inrz)
    assert set(first.problem.auxiliary) == {"first_estimate"}
    assert first.stack is None
    monkeypatch.setattr(stacking, "build", refuse)
    given = PROBLEM.with_auxiliary(guide=IMAGE, first_estimate=IMAGE)
    for settings in (guided, inrz):
        prepared = pipeline.prepare(given, settings, fit_one=refuse)
        assert prepared.problem is given
        assert prepared.stack is None


def test_the_first_estimate_is_the_unregularised_fit_of_the_plain_field():
    settings = change(TINY, {"field.name": "inrz", "regularizer.name": "tv", "correction": "harmonic", "seed": 3})
    plain = change(settings, {"field.name": "siren", "regularizer.name": "none", "correction": "none"})
    assert pipeline.first_settings(PROBLEM, settings) == plain
    assert pipeline.first_settings(PROBLEM, plain) is None
    prepared = pipeline.prepare(PROBLEM, settings)
    np.testing.assert_array_equal(prepared.problem.auxiliary["first_estimate"], fit.solve(PROBLEM, plain))


def test_the_stack_of_a_stacked_correction_is_built_even_if_a_guide_is_given():
    settings = change(TINY, {"regularizer.name": "guide", "correction": "stacked"})
    given = PROBLEM.with_auxiliary(guide=IMAGE)
    prepared = pipeline.prepare(given, settings)
    assert prepared.stack is not None
    np.testing.assert_array_equal(prepared.problem.auxiliary["guide"], IMAGE)


@pytest.mark.parametrize("name", ["harmonic", "biharmonic"])
def test_a_correction_by_name_fills_the_residual_with_that_fill(name):
    settings = change(TINY, {"correction": name})
    raw = fit.solve(PROBLEM, settings)
    found = pipeline.solve(PROBLEM, settings)
    np.testing.assert_array_equal(found, residual.correct(raw, IMAGE, MASK, FILLS[name].fill))
    np.testing.assert_array_equal(found[MASK], IMAGE[MASK])


def test_the_whole_recipe_is_its_stages_one_after_another_and_logs_them():
    settings, lines = change(RECIPE, {"field.width": 8, "field.depth": 1, "train.steps": 3, "train.fibers": 4}), []
    prepared = pipeline.prepare(PROBLEM, settings)
    raw = fit.solve(prepared.problem, settings)
    weights = pipeline.blend_weights(prepared.problem, prepared.stack, settings)
    expected = pipeline.finish(raw, prepared, settings, weights=weights)
    np.testing.assert_array_equal(pipeline.solve(PROBLEM, settings, log=lines.append), expected)
    assert [line.split(":")[0] for line in lines] == ["stack", "stack", "patch groups", "correction"]


def test_no_correction_returns_the_input_for_any_signal():
    raw = RNG.random((5, 6, 7, 1), dtype=np.float32)
    assert pipeline.finish(raw, Prepared(VOLUME, None), TINY) is raw
    assert pipeline.solve(VOLUME, TINY).shape == (5, 6, 7, 1)


@pytest.mark.parametrize(
    ("problem", "reason"), [(VOLUME, "the signal has 3 axes, not 2"), (AVERAGES, "of another kind")]
)
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"correction": "harmonic"}, "correction=harmonic"),
        ({"correction": "stacked"}, "correction=stacked"),
    ],
)
def test_signals_that_are_no_masked_pictures_are_refused_in_one_line(problem, reason, changes, name):
    with pytest.raises(UserError, match=f"^{name} is for pictures.*{reason}$") as caught:
        prepare_and_finish(problem, change(TINY, changes))
    assert "\n" not in str(caught.value)


def test_a_guide_needs_a_picture():
    with pytest.raises(UserError, match=r"^regularizer\.name=guide is for pictures.*3 axes, not 2$"):
        prepare_and_finish(VOLUME, change(TINY, {"regularizer.name": "guide"}))


def test_the_guide_of_a_picture_behind_an_operator_is_that_of_the_splitting_loop():
    settings = change(TINY, {"regularizer.name": "guide", "prior.rounds": 2})
    prepared = pipeline.prepare(AVERAGES, settings, log=lambda line: None)
    np.testing.assert_array_equal(prepared.problem.auxiliary["guide"], splitting.recover(AVERAGES, settings.prior))


def test_the_seed_the_data_and_the_mask_are_blanked_and_nothing_else():
    settings = change(TINY, {"seed": 5, "data.size": 9, "mask.rate": 0.1, "field.omega": 3.0})
    blank = pipeline.seedless(settings)
    assert (blank.seed, blank.data, blank.mask) == (0, Settings().data, Settings().mask)
    assert dataclasses.replace(blank, seed=5, data=settings.data, mask=settings.mask) == settings


def test_the_guide_of_scattered_points_is_their_interpolation_on_the_grid():
    points = jnp.asarray(RNG.random((40, 2), dtype=np.float32) * 1.6 - 0.8)
    values = np.asarray(points[:, :1] + 2 * points[:, 1:])
    problem = Problem(Domain((12, 10), 1, None), Sampling(points), values)
    prepared = pipeline.prepare(problem, change(TINY, {"regularizer.name": "guide"}))
    nodes = np.asarray(problem.domain.points).reshape(12, 10, 2)
    plane = nodes[..., :1] + 2 * nodes[..., 1:]
    np.testing.assert_allclose(prepared.problem.auxiliary["guide"], plane, atol=0.15)
