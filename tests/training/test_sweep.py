import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from inrr_jax.data.problem import Problem
from inrr_jax.errors import UserError
from inrr_jax.settings import (
    FieldSettings,
    OptimizerSettings,
    RegularizerSettings,
    Settings,
    TrainSettings,
    WeightSettings,
    change,
)
from inrr_jax.training import fit as training
from inrr_jax.training import sweep
from inrr_jax.training.sweep import Member
from inrr_jax.types import Knobs

TINY = Settings(
    field=FieldSettings(width=8, depth=2, omega=9.0, precision="float32"),
    regularizer=RegularizerSettings(width=4, depth=1, rank=4, weight=WeightSettings(inrr=0.5)),
    optimizer=OptimizerSettings(warmup=1),
    train=TrainSettings(steps=4, fibers=4, chunk=4),
)
KNOBS = {
    "omega": ("field.omega", 14.0),
    "weight": ("regularizer.weight.inrr", 0.1),
    "matrix_rate": ("optimizer.matrix_rate", 0.01),
    "field_rate": ("optimizer.field_rate", 0.001),
    "laplacian_rate": ("optimizer.laplacian_rate", 0.005),
}


DIVERGING = {"optimizer.field_rate": 1e30, "optimizer.matrix_rate": 1e30}


def problem_of(seed=0, grid=(9, 8)):
    rng = np.random.default_rng(seed)
    return Problem(rng.uniform(size=(*grid, 1)).astype(np.float32), rng.uniform(size=grid) < 0.6)


TASK = problem_of()
MEMBERS = [
    Member(TINY, TASK),
    *[Member(change(TINY, {name: value}), TASK) for name, value in KNOBS.values()],
    Member(change(TINY, {"seed": 2**32 - 5}), TASK),
    Member(TINY, problem_of(seed=1)),
]


def alone(member):
    signal = member.problem.signal
    state, knobs, key = training.start(signal, member.settings)
    for fitted, _ in training.fit(state, signal, knobs, key, member.settings):
        state = fitted
    shape = member.problem.image.shape
    return np.asarray(training.recover(state.params["field"], knobs.omega, shape, member.settings))


@pytest.fixture(scope="module")
def lone():
    return [alone(member) for member in MEMBERS]


def outcomes(members, **options):
    found = dict(sweep.run(members, **options))
    assert sorted(found) == sorted(set(range(len(members))) - set(options.get("done") or {}))
    return [found[index] for index in sorted(found)]


def test_every_knob_is_an_axis_here():
    assert set(KNOBS) == set(Knobs._fields)


def test_one_after_another_each_is_the_same_fit_alone_bit_for_bit(lone):
    for outcome, expected in zip(outcomes(MEMBERS, at_once=1), lone, strict=True):
        np.testing.assert_array_equal(outcome.recovered, expected)
        assert outcome.recovered.dtype == expected.dtype
        assert outcome.seconds > 0
        assert (outcome.error, outcome.at_once) == ("", 1)
    # Each knob, seed and mask makes a difference that no tolerance below would hide.
    for a, b in itertools.combinations(lone, 2):
        assert np.abs(a - b).max() > 4e-4


def test_vectorised_each_equals_the_same_fit_alone_next_to_padding_and_to_one_that_diverges(lone):
    members, steps, lines = [*MEMBERS, Member(change(TINY, DIVERGING), TASK)], [], []
    # Chunks of another length change nothing either.
    members = [member._replace(settings=change(member.settings, {"train.chunk": 3})) for member in members]
    *found, last = outcomes(members, at_once=4, watch=steps.append, tell=lines.append)
    for outcome, expected in zip(found, lone, strict=True):
        np.testing.assert_allclose(outcome.recovered, expected, atol=2e-5)
        assert outcome.recovered.dtype == expected.dtype
        assert (outcome.error, outcome.at_once) == ("", 4)
    assert "no number in fidelity" in last.error
    assert steps == [12, 4, 12, 4, 3, 1]
    state, _, _ = training.start(TASK.signal, TINY)
    held = 4 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)) / 2**20
    (told,) = [float(found[1]) for line in lines if (found := re.search(r"([\d.]+) MiB a device", line))]
    assert held < told < 100 * held


def test_each_group_is_traced_once_and_says_why_it_is_one(monkeypatch):
    traces, lines, honest = [], [], training.step

    def counted(*args):
        traces.append(1)
        return honest(*args)

    monkeypatch.setattr(training, "step", counted)
    plain = change(TINY, {"optimizer.name": "adam", "regularizer.name": "none", "train.chunk": 2})
    wide = change(plain, {"field.width": 7})
    members = [Member(change(s, {"seed": seed}), TASK) for seed in range(3) for s in (plain, wide)]
    outcomes(members, at_once=2, tell=lines.append)
    assert len(traces) == 2
    assert lines[0] == "6 fits, 2 programs, which differ in field.width"


def test_groups_keep_order_and_part_sizes_of_pictures():
    members = [Member(TINY, TASK), Member(TINY, problem_of(grid=(8, 9))), Member(change(TINY, {"seed": 1}), TASK)]
    parts = sweep.groups(members)
    assert [group.members for group in parts] == [[0, 2], [1]]
    assert sweep.explain(parts) == "3 fits, 2 programs, which differ in the size of the picture"
    assert sweep.explain(parts[:1]) == "2 fits, one program"


class Pretended(sweep.Batches):
    """Batches of made-up cost and size, for what decides on them."""

    cost = {1: 4.0, 4: 2.0, 7: 1.5, 15: 1.0, 50: 0.99}
    bytes = property(lambda self: 1000 * self.at_once)
    holds = 10**9

    def __init__(self, group, at_once, like):
        self.group, self.at_once, self.like, self.count = group, at_once, like, at_once

    def probe(self, members):  # noqa: D102
        assert 1 <= len(members) <= self.at_once
        return self.cost[self.at_once]

    def fit(self, members, watch):  # noqa: D102
        if self.at_once > self.holds:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory while trying to allocate")
        return [sweep.Outcome(m.problem.image, 1.0, "", self.at_once) for m in members]


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(sweep, "Batches", Pretended)
    monkeypatch.setattr(sweep, "free_memory", lambda: 10**9)
    return monkeypatch


def many(count):
    return [Member(change(TINY, {"seed": seed}), TASK) for seed in range(count)]


@pytest.mark.parametrize(
    ("most", "tried"), [(1, [1]), (3, [1]), (5, [1, 3]), (64, [1, 4, 16, 64]), (150, [1, 4, 15, 50])]
)
def test_numbers_to_try_fill_their_batches(most, tried):
    assert sweep.candidates(most) == tried


def test_more_are_taken_at_once_while_it_pays(pretended):
    lines = []
    assert {o.at_once for o in outcomes(many(150), tell=lines.append)} == {15}
    assert lines[-1] == "chosen: 15 at once on each of 1 devices"
    pretended.setattr(Pretended, "cost", {1: 4.0, 4: 5.0})
    assert {o.at_once for o in outcomes(many(150))} == {1}
    assert {o.at_once for o in outcomes(many(150), at_once=7)} == {7}


def test_what_is_left_of_a_group_goes_on_with_as_many_at_once_as_before(pretended):
    assert {o.at_once for o in outcomes(many(150), done={3: 6, 5: 6})} == {6}


def test_no_more_are_taken_than_the_estimate_allows(pretended):
    pretended.setattr(sweep, "free_memory", lambda: 9000)  # of which 7200 may be taken
    assert {o.at_once for o in outcomes(many(150))} == {7}
    assert {o.at_once for o in outcomes(many(150), at_once=100)} == {7}


def test_exhausted_memory_halves_the_batch_and_the_work_goes_on(pretended):
    pretended.setattr(Pretended, "holds", 5)
    lines = []
    found = outcomes(many(30), at_once=16, tell=lines.append)
    assert {o.at_once for o in found} == {4}
    assert [line for line in lines if "exhausted" in line][-1].endswith("at 8 at once: going on with half as many")
    pretended.setattr(Pretended, "holds", 0)
    with pytest.raises(UserError, match="does not hold one fit: lower field.tile"):
        outcomes(many(3), at_once=2)


def test_other_errors_of_the_runtime_are_not_taken_for_exhausted_memory(pretended):
    def fail(self, members, watch):
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    pretended.setattr(Pretended, "fit", fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="broken"):
        outcomes(many(3), at_once=2)


FEW = [*MEMBERS[:3], Member(change(TINY, {"field.sharded": True, "field.tile": 3}), TASK)]
DEVICES = """
import sys, jax, numpy as np
jax.config.update("jax_num_cpu_devices", 8)
from inrr_jax import sweep
from tests.test_sweep import FEW
found = dict(sweep.run(FEW, at_once=1))
np.save(sys.argv[1], np.stack([found[i].recovered for i in range(len(FEW))]))
"""


def test_eight_devices_give_what_one_gives_also_when_they_share_one_fit(lone, tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", DEVICES, tmp_path / "found.npy"]
    subprocess.run(command, check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=300)
    *members, shared = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(members, lone[:3], atol=1e-6)
    np.testing.assert_allclose(shared, lone[0], atol=2e-5)


def test_a_member_that_needs_a_first_fit_gets_it():
    settings = change(TINY, {"field.name": "inrz", "regularizer.name": "none", "field.depth": 1, "train.steps": 2})
    members = [Member(change(settings, {"seed": seed}), TASK) for seed in (0, 1, 2)]
    expected = [np.asarray(training.solve(TASK.signal, member.settings)) for member in members]
    found = [outcome.recovered for outcome in outcomes(members, at_once=2)]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_members_with_an_extension_are_kriged_like_a_fit_alone():
    settings = change(TINY, {"regularizer.name": "extension", "kriging": "stacked"})
    task = problem_of(grid=(12, 11))
    members = [Member(change(settings, {"seed": seed}), task) for seed in (0, 1)]
    found = dict(sweep.run(members, at_once=1))
    for index, member in enumerate(members):
        expected = training.solve(member.problem.signal, member.settings)
        np.testing.assert_allclose(found[index].recovered, expected, atol=1e-5)
        np.testing.assert_array_equal(found[index].recovered[task.mask], task.image[task.mask])


def test_the_term_extension_without_an_extension_is_refused_in_one_line():
    settings = change(TINY, {"regularizer.name": "extension"})
    with pytest.raises(UserError, match="regularizer.name=extension needs one"):
        training.start(TASK.signal, settings)
    with pytest.raises(UserError, match="is for pictures: the signal has 3 axes, not 2"):
        training.extension(np.zeros((4, 5, 6, 1), np.float32), np.ones((4, 5, 6), bool))
