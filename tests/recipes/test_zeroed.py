"""A masked signal is zero where it is missing before anything sees it: in every way to a fit, whatever was there."""

import numpy as np
import pytest

import inrr_jax
from inrr_jax.data import loading
from inrr_jax.experiments import comparison, sweep_grid
from inrr_jax.experiments.comparison import ComparisonSettings
from inrr_jax.experiments.sweep_grid import SweepSettings
from inrr_jax.options import change
from inrr_jax.recipes import holdout
from inrr_jax.settings import Settings
from inrr_jax.training import fit, sweep
from scripts import sweep as script

SETTINGS = change(Settings(), {"data.size": 12, "data.grey": True, "train.fibers": 4, "regularizer.name": "none"})
AXES = (("mask.rate", (0.3, 0.6)), ("seed", (0, 1)))


class Seen(Exception):
    """Ends a recovery as soon as its fit is given a problem."""


@pytest.fixture
def given(monkeypatch):
    """The problems that fits are given; no fit runs."""
    problems = []

    def one(problem, settings):
        problems.append(problem)
        raise Seen

    def many(members, **unused):
        problems.extend(member.problem for member in members)
        raise Seen

    monkeypatch.setattr(fit, "init", one)
    monkeypatch.setattr(sweep, "run", many)
    return problems


def damaged(shape=(12, 10)):
    """Return a signal without zeros, and a mask that is True where it is missing."""
    return np.random.default_rng(0).uniform(0.2, 1.0, shape), np.random.default_rng(1).random(shape) < 0.4


def inpaint():
    inrr_jax.inpaint(*damaged(), settings=SETTINGS)


def ensemble():
    inrr_jax.inpaint(*damaged(), settings=SETTINGS, ensemble=2)


def complete():
    values, missing = damaged((8, 7, 6))
    inrr_jax.complete(np.where(missing, np.nan, values))


@pytest.mark.parametrize("recover", [inpaint, ensemble, complete])
def test_calls_hide_what_is_missing(given, recover):
    with pytest.raises(Seen):
        recover()
    assert_hidden(given)


def test_files_hide_what_is_missing_and_keep_it_as_the_truth():
    problem = loading.load(SETTINGS.data, SETTINGS.mask)
    assert_hidden([problem])
    assert (problem.truth[~np.asarray(problem.operator.mask)] > 0).any()


def test_sweeps_hide_what_is_missing():
    jobs = script._jobs(sweep_grid.expand(SweepSettings(fit=SETTINGS, axes=AXES)))
    assert_hidden([job.member.problem for job in jobs])


def test_comparisons_and_their_selection_hide_what_is_missing():
    settings = ComparisonSettings(SETTINGS, "camera", "random:0.5,text:0.2", "harmonic,siren+inrr", seeds=1)
    wanted, tasks = comparison.names(settings), comparison.tasks(settings)
    trials = comparison.trials(settings, tasks, wanted)
    fits = comparison.fits(settings, tasks, wanted, [])
    assert_hidden([task.problem for task in tasks])
    assert_hidden([job.member.problem for job in (*trials, *fits)])


def test_held_out_entries_are_hidden_too():
    problem = loading.load(SETTINGS.data, SETTINGS.mask)
    mask = np.asarray(problem.operator.mask) & (np.random.default_rng(2).random((12, 12)) < 0.7)
    restricted = holdout.restrict(problem, mask)
    assert_hidden([restricted])
    assert restricted.truth is None


def assert_hidden(problems):
    assert problems
    for problem in problems:
        mask, values = np.asarray(problem.operator.mask), np.asarray(problem.measurements)
        assert values[mask].any()
        assert not values[~mask].any()
