"""Sweeps: every member equals the same fit alone, each group is traced once, and memory limits the batches."""

import functools
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import batch, fit, sweep
from inrr_jax.training.programs import collect_hyper_parameters
from inrr_jax.training.sweep import Member

TINY = Settings(
    field=siren.Config(width=8, depth=2, omega=9.0, precision="float32"),
    regularizer=RegularizerSettings(inrr=inrr.Config(width=4, depth=1, rank=4, weight=0.5)),
    optimizer=OptimizerSettings(warmup=1),
    train=TrainSettings(steps=4, fibers=4, chunk=4),
)
HYPER_PARAMETERS = {
    "field.omega": 14.0,
    "regularizer.inrr.weight": 0.1,
    "optimizer.matrix_rate": 0.01,
    "optimizer.field_rate": 0.001,
    "optimizer.laplacian_rate": 0.005,
}
DIVERGING = {"optimizer.field_rate": 1e30, "optimizer.matrix_rate": 1e30}


def problem_of(seed=0, grid=(9, 8)):
    rng = np.random.default_rng(seed)
    return masked(rng.uniform(size=(*grid, 1)).astype(np.float32), rng.uniform(size=grid) < 0.6)


TASK = problem_of()
MEMBERS = [
    Member(TINY, TASK),
    *[Member(change(TINY, {name: value}), TASK) for name, value in HYPER_PARAMETERS.items()],
    Member(change(TINY, {"seed": 2**32 - 5}), TASK),
    Member(TINY, problem_of(seed=1)),
]


@pytest.fixture(scope="module")
def lone():
    return [fit.solve(member.problem, member.settings) for member in MEMBERS]


def outcomes(members, **options):
    found = dict(sweep.run(members, **options))
    assert sorted(found) == sorted(set(range(len(members))) - set(options.get("done") or {}))
    return [found[index] for index in sorted(found)]


def test_every_hyper_parameter_varies_here():
    domain = TASK.domain
    for changes in ({}, HYPER_PARAMETERS):
        hyper = collect_hyper_parameters(change(TINY, changes), domain)
        names = {f"field.{name}" for name in hyper.field} | {f"regularizer.{name}.weight" for name in hyper.weight}
        assert names | {f"optimizer.{name}" for name in hyper.optimizer} == set(HYPER_PARAMETERS)


@pytest.mark.slow
def test_one_after_another_each_is_the_same_fit_alone_bit_for_bit(request):
    # As users run them: the flags by which the tests compile faster also change how programs are fused and rounded.
    if os.environ.get("XLA_FLAGS"):
        command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", request.node.nodeid]
        subprocess.run(command, check=True, cwd=request.config.rootpath, env={**os.environ, "XLA_FLAGS": ""})
        return
    lone = request.getfixturevalue("lone")
    for outcome, expected in zip(outcomes(MEMBERS, at_once=1), lone, strict=True):
        np.testing.assert_array_equal(outcome.recovered, expected)
        assert outcome.recovered.dtype == expected.dtype
        assert outcome.seconds > 0
        assert (outcome.error, outcome.at_once) == ("", 1)
    # Each hyper-parameter, seed and mask makes a difference that no tolerance below would hide.
    for a, b in itertools.combinations(lone, 2):
        assert np.abs(a - b).max() > 4e-4


def test_vectorised_each_equals_the_same_fit_alone_next_to_padding_and_to_one_that_diverges(lone):
    members, steps, lines = [*MEMBERS, Member(change(TINY, DIVERGING), TASK)], [], []
    # Chunks of another length change nothing either.
    members = [member._replace(settings=change(member.settings, {"train.chunk": 2})) for member in members]
    *found, last = outcomes(members, at_once=4, on_progress=steps.append, log=lines.append)
    for outcome, expected in zip(found, lone, strict=True):
        np.testing.assert_allclose(outcome.recovered, expected, atol=2e-5)
        assert outcome.recovered.dtype == expected.dtype
        assert (outcome.error, outcome.at_once) == ("", 4)
    assert "no number in fidelity" in last.error
    assert steps == [8, 8, 8, 8, 2, 2]
    state, _, _ = fit.init(TASK, TINY)
    held = 4 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)) / 2**20
    (needed,) = [float(found[1]) for line in lines if (found := re.search(r"([\d.]+) MiB a device", line))]
    assert held < needed < 100 * held


def test_each_group_is_traced_once_and_says_why_it_is_one(monkeypatch):
    traces, lines, honest = [], [], fit.step

    def counted(*args):
        traces.append(1)
        return honest(*args)

    monkeypatch.setattr(fit, "step", counted)
    plain = change(TINY, {"optimizer.name": "adam", "regularizer.name": "none", "train.chunk": 2})
    wide = change(plain, {"field.width": 7})
    five = [Member(change(plain, {"seed": seed, "field.omega": 5.0 + seed}), TASK) for seed in range(5)]
    members = [*five[:2], Member(wide, TASK), *five[2:]]
    outcomes(members, at_once=2, log=lines.append)
    assert len(traces) == 2
    assert lines[0] == "6 fits, 2 programs, which differ in field.width"


def test_groups_keep_order_and_part_sizes_of_pictures():
    members = [Member(TINY, TASK), Member(TINY, problem_of(grid=(8, 9))), Member(change(TINY, {"seed": 1}), TASK)]
    parts = sweep.groups(members)
    assert [group.members for group in parts] == [[0, 2], [1]]
    assert sweep.explain(parts) == "3 fits, 2 programs, which differ in the size of the picture"
    assert sweep.explain(parts[:1]) == "2 fits, one program"


class Pretended:
    """Compiled batches of made-up cost and size, to test the decisions that depend on them."""

    def __init__(self):
        self.cost = {1: 4.0, 4: 2.0, 7: 1.5, 15: 1.0, 50: 0.99}
        self.holds = 10**9
        self.error = "RESOURCE_EXHAUSTED: out of memory while trying to allocate"

    def compile_batch(self, settings, problem, at_once):
        """Return a batch that takes 1000 bytes per member."""
        return batch.Batch(at_once, at_once, (4,), 1000 * at_once, None, None, {}, None), 0.0

    def probe(self, compiled, members):
        """Return the made-up seconds per step and member."""
        assert 1 <= len(members) <= compiled.at_once
        return self.cost[compiled.at_once]

    def fit(self, compiled, members, on_progress):
        """Return the truth of every member, or raise the error if the batch is too large."""
        if compiled.at_once > self.holds:
            raise jax.errors.JaxRuntimeError(self.error)
        return [batch.Fitted(member.problem.truth, 1.0, "") for member in members]


@pytest.fixture
def pretended(monkeypatch):
    pretended = Pretended()
    for name in ("compile_batch", "probe", "fit"):
        monkeypatch.setattr(batch, name, getattr(pretended, name))
    monkeypatch.setattr(sweep, "free_memory", lambda: 10**9)
    return pretended


@functools.cache
def many(count):
    return [Member(change(TINY, {"seed": seed}), TASK) for seed in range(count)]


@pytest.mark.parametrize(
    ("most", "tried"), [(1, [1]), (3, [1]), (5, [1, 3]), (64, [1, 4, 16, 64]), (150, [1, 4, 15, 50])]
)
def test_numbers_to_try_fill_their_batches(most, tried):
    assert sweep.candidates(most) == tried


def test_more_are_taken_at_once_while_it_pays(pretended):
    lines = []
    assert {o.at_once for o in outcomes(many(150), log=lines.append)} == {15}
    assert lines[-1] == "chosen: 15 at once on each of 1 devices"
    pretended.cost = {1: 4.0, 4: 5.0}
    assert {o.at_once for o in outcomes(many(150))} == {1}
    assert {o.at_once for o in outcomes(many(150), at_once=7)} == {7}


def test_what_is_left_of_a_group_goes_on_with_as_many_at_once_as_before(pretended):
    assert {o.at_once for o in outcomes(many(150), done={3: 6, 5: 6})} == {6}


def test_no_more_are_taken_than_the_estimate_allows(pretended, monkeypatch):
    monkeypatch.setattr(sweep, "free_memory", lambda: 9000)  # of which 7200 may be taken
    assert {o.at_once for o in outcomes(many(150))} == {7}
    assert {o.at_once for o in outcomes(many(150), at_once=100)} == {7}


def test_a_number_at_once_beyond_the_fits_compiles_for_no_more_than_there_are(pretended):
    lines = []
    assert {o.at_once for o in outcomes(many(3), at_once=10**9, log=lines.append)} == {3}
    assert [line for line in lines if "compiled" in line][0].startswith("compiled for 3 at once")


def test_exhausted_memory_halves_the_batch_and_the_work_goes_on(pretended):
    pretended.holds = 5
    lines = []
    found = outcomes(many(30), at_once=16, log=lines.append)
    assert {o.at_once for o in found} == {4}
    assert [line for line in lines if "exhausted" in line][-1].endswith("at 8 at once: going on with half as many")
    pretended.holds = 0
    with pytest.raises(UserError, match="does not hold one fit: lower field.tile"):
        outcomes(many(3), at_once=2)


def test_other_errors_of_the_runtime_are_not_taken_for_exhausted_memory(pretended):
    pretended.holds, pretended.error = 0, "INTERNAL: broken"
    with pytest.raises(jax.errors.JaxRuntimeError, match="broken"):
        outcomes(many(3), at_once=2)


FEW = [*MEMBERS[:3], Member(change(TINY, {"field.sharded": True, "field.tile": 3}), TASK)]
DEVICES = """
import sys, jax, numpy as np
jax.config.update("jax_num_cpu_devices", 8)
from inrr_jax.training import sweep
from tests.training.test_sweep import FEW
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


class Recording(sweep.Plain):
    """A recipe that adds one to every recovery and records its calls."""

    def __init__(self):
        self.prepared, self.finished = [], []

    def prepare(self, members, at_once):
        """Charge ten seconds."""
        self.prepared.append((len(members), at_once))
        return [(member, 10.0) for member in members]

    def finish(self, member, recovered):
        """Add one and charge a hundred seconds."""
        self.finished.append(member)
        return recovered + 1, 100.0


def test_a_recipe_prepares_and_finishes_every_member_but_no_diverged_one(lone):
    recipe, members = Recording(), [*MEMBERS[:3], Member(change(TINY, DIVERGING), TASK)]
    *found, diverged = outcomes(members, at_once=2, recipe=recipe)
    assert recipe.prepared == [(2, 2), (2, 2)]
    assert recipe.finished == MEMBERS[:3]
    for outcome, expected in zip(found, lone[:3], strict=True):
        np.testing.assert_allclose(outcome.recovered, expected + 1, atol=2e-5)
        assert 110 < outcome.seconds < 210
    assert diverged.error
    assert 10 < diverged.seconds < 110


def test_a_problem_that_is_too_small_is_refused_before_any_fit():
    members = [Member(TINY, TASK), Member(TINY, problem_of(grid=(3, 8)))]
    with pytest.raises(UserError, match=r"the grid is 3 x 8, too small for train\.fibers=4"):
        next(sweep.run(members))


def test_a_start_model_is_refused_instead_of_ignored():
    known = TASK.with_auxiliary(start=np.zeros((*TASK.domain.shape, 1), np.float32))
    with pytest.raises(UserError, match="start model"):
        outcomes([Member(TINY, known)])


def test_placeholders_stand_for_missing_auxiliary_arrays_alone():
    guided = Member(change(TINY, {"regularizer.name": "guide", "field.name": "inrz"}), TASK)
    given = guided._replace(problem=TASK.with_auxiliary(guide=TASK.truth))
    problem = sweep.with_placeholders(given).problem
    np.testing.assert_array_equal(problem.auxiliary["guide"], TASK.truth)
    assert not problem.auxiliary["first_estimate"].any()
    assert sweep.with_placeholders(MEMBERS[0]).problem.auxiliary == {}


@pytest.mark.parametrize(("steps", "chunk", "lengths"), [(4, 4, [4]), (7, 3, [3, 3, 1]), (2, 50, [2])])
def test_chunks_add_up_to_the_steps(steps, chunk, lengths):
    assert batch.chunk_lengths(steps, chunk) == lengths
