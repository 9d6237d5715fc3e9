"""The recipe of many fits: shared stages run once, are charged to every member, and change no result."""

import functools
import time
from types import SimpleNamespace

import numpy as np
import pytest

from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.recipes import completion, pipeline, shared, stacking
from inrr_jax.recipes.shared import SharedRecipe
from inrr_jax.settings import RECIPE
from inrr_jax.training import sweep
from inrr_jax.training.sweep import Member

pytestmark = pytest.mark.usefixtures("quick_fills", "optimised_programs")

BEST = change(RECIPE, {"field.width": 8, "field.depth": 1, "train.steps": 3, "train.fibers": 4})
INRZ = change(BEST, {"field.name": "inrz", "regularizer.name": "none", "correction": "none"})


def problem_of(seed):
    rng = np.random.default_rng(seed)
    return masked(rng.random((12, 10, 1), dtype=np.float32), rng.random((12, 10)) < 0.6)


PROBLEM = problem_of(0)


@functools.cache
def alone(settings):
    """Return the recovery by the whole recipe of one fit."""
    return pipeline.solve(PROBLEM, settings)


BUILD = 1000.0
"""Pretended seconds that a stack takes, which no computation here takes in truth."""


@pytest.fixture
def builds(monkeypatch):
    """Record the calls of `stacking.build`, and let the recipe's clock advance by `BUILD` seconds in each."""
    calls, honest = [], stacking.build

    def counted(image, mask):
        calls.append(image)
        return honest(image, mask)

    clock = SimpleNamespace(perf_counter=lambda: time.perf_counter() + BUILD * len(calls))
    monkeypatch.setattr(stacking, "build", counted)
    monkeypatch.setattr(shared, "time", clock)
    return calls


def test_members_with_one_problem_share_its_stack_and_each_is_charged_for_it(builds):
    recipe, guided = SharedRecipe(), change(BEST, {"correction": "none"})
    members = [Member(change(guided, {"seed": seed}), PROBLEM) for seed in (0, 1, 2)]
    prepared = recipe.prepare([*members, Member(guided, problem_of(1))], 1)
    assert len(builds) == 2
    for member, seconds in prepared:
        assert set(member.problem.auxiliary) == {"guide"}
        assert BUILD < seconds < 1.5 * BUILD
    assert len({seconds for _, seconds in prepared[:3]}) == 1
    later = recipe.prepare([members[0]], 1)
    assert len(builds) == 2
    assert later[0][1] == prepared[0][1]
    expected = stacking.build(PROBLEM.measurements, PROBLEM.operator.mask).guide
    np.testing.assert_array_equal(later[0][0].problem.auxiliary["guide"], expected)


def test_the_stack_is_charged_once_per_member_by_preparation_or_by_correction(builds, monkeypatch):
    monkeypatch.setattr(pipeline, "blend_weights", lambda *args: np.full(3, 1 / 3, np.float32))
    unguided = change(BEST, {"regularizer.name": "none"})
    raw = np.full((12, 10, 1), 0.5, np.float32)
    for settings in (BEST, unguided):
        recipe = SharedRecipe()
        ((member, before),) = recipe.prepare([Member(settings, PROBLEM)], 1)
        charges = [before + recipe.finish(member, raw)[1] for _ in range(2)]
        assert (before > BUILD) == (settings is BEST)
        assert all(BUILD < charge < 1.5 * BUILD for charge in charges)
    assert len(builds) == 2


def test_blend_weights_are_shared_by_fits_that_differ_in_the_seed_alone(monkeypatch):
    calls = []

    def counted(problem, stack, settings):
        calls.append(settings)
        return np.full(3, 1 / 3, np.float32)

    monkeypatch.setattr(pipeline, "blend_weights", counted)
    recipe, raw = SharedRecipe(), np.full((12, 10, 1), 0.5, np.float32)
    for changes in ({}, {"seed": 1}, {"seed": 2, "mask.rate": 0.3}):
        recipe.finish(Member(change(BEST, changes), PROBLEM), raw)
    assert len(calls) == 1
    recipe.finish(Member(change(BEST, {"field.omega": 3.0}), PROBLEM), raw)
    recipe.finish(Member(BEST, problem_of(1)), raw)
    assert len(calls) == 3


@pytest.mark.parametrize("settings", [BEST, INRZ], ids=["best", "inrz"])
def test_a_member_equals_the_whole_recipe_of_the_fit_alone_bit_for_bit(settings):
    members = [Member(change(settings, {"seed": seed}), PROBLEM) for seed in (0, 1)]
    found = dict(sweep.run(members, at_once=1, recipe=SharedRecipe()))
    for index, member in enumerate(members):
        assert found[index].error == ""
        np.testing.assert_array_equal(found[index].recovered, alone(member.settings))
    if settings is INRZ:  # the blend of the other may have no weight for the network
        assert np.abs(found[0].recovered - found[1].recovered).max() > 1e-3


def test_members_that_need_a_first_fit_get_it_in_batches_too():
    members = [Member(change(INRZ, {"seed": seed}), PROBLEM) for seed in (0, 1, 2)]
    found = dict(sweep.run(members, at_once=2, recipe=SharedRecipe()))
    expected = [alone(member.settings) for member in members]
    np.testing.assert_allclose([found[index].recovered for index in range(3)], expected, atol=2e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3


def test_members_with_a_guide_are_corrected_like_a_fit_alone_and_keep_observed_values():
    members = [Member(change(BEST, {"seed": seed}), PROBLEM) for seed in (0, 1)]
    found = dict(sweep.run(members, at_once=2, recipe=SharedRecipe()))
    mask = PROBLEM.operator.mask
    for index, member in enumerate(members):
        np.testing.assert_allclose(found[index].recovered, alone(member.settings), atol=1e-5)
        np.testing.assert_array_equal(found[index].recovered[mask], PROBLEM.truth[mask])


def test_fits_of_all_seeds_share_one_study_of_their_blend(monkeypatch):
    monkeypatch.setattr(completion, "MOST_DRAWS", 1)  # a study takes long by itself
    studies, lines, honest = [], [], completion.study
    monkeypatch.setattr(completion, "study", lambda *args: studies.append(args) or honest(*args))
    settings = change(BEST, {"regularizer.name": "none", "correction": "blended"})
    members = [Member(change(settings, {"seed": seed}), PROBLEM) for seed in (0, 1)]
    found = dict(sweep.run(members, at_once=1, recipe=SharedRecipe(lines.append)))
    assert len(studies) == 1
    assert [line.startswith("blend: ") for line in lines] == [True, True]  # before it starts, and its weights
    for index, member in enumerate(members):
        np.testing.assert_allclose(found[index].recovered, alone(member.settings), atol=1e-5)
