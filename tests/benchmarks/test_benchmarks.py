"""Every benchmark runs at a tiny size and reports the results that it promises. No test judges the measured seconds."""

import argparse
import dataclasses
import importlib.util
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import energy, large_volume, measure, scale, start, step, sweep, tables, time_to_quality
from inrr_jax import plots
from inrr_jax.baselines.matrices import MATRICES
from inrr_jax.fields import siren
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import Settings, TrainSettings

QUARTILES = {"median", "low", "high"}
TINY = Settings(
    field=siren.Config(width=8, depth=3),
    regularizer=RegularizerSettings(inrr=inrr.Config(width=4, depth=2, rank=4)),
    train=TrainSettings(steps=8, fibers=4, chunk=2),
)


def tiny(row):
    """Return a version of the step with small networks and few fibers."""
    settings = row["settings"]
    return row | {
        "settings": dataclasses.replace(
            settings,
            field=dataclasses.replace(settings.field, width=8, depth=3),
            regularizer=TINY.regularizer,
            train=dataclasses.replace(settings.train, fibers=min(settings.train.fibers, 4)),
        )
    }


@pytest.mark.slow
def test_step_reports_every_version(tmp_path):
    rows = [tiny(row) for row in step.ours() if row["precision"] == "float32"]
    rows = [row for row in rows if row["version"] in ("default", "tiles")]
    result = step.run(rows, 2, 16, lengths={"full": 1, "fibers": 2}, product_side=16)
    assert [(r["batch"], r["version"]) for r in result["rows"]] == [
        ("full", "default"),
        ("full", "tiles"),
        ("fibers", "default"),
    ]
    for row in result["rows"]:
        assert row.keys() >= {"rate", "share", "ratio", "temporary"} | QUARTILES
    assert result["product"].keys() == set(step.PRECISIONS)
    assert "| full | tiles | float32 |" in measure.table(result["rows"], step.COLUMNS)
    step.draw(tmp_path / "step.png", result["rows"])
    assert (tmp_path / "step.png").stat().st_size > 0


def test_operations_are_those_of_the_matrix_products():
    settings = dataclasses.replace(TINY, optimizer=dataclasses.replace(TINY.optimizer, name="adam"))
    full = dataclasses.replace(settings, train=dataclasses.replace(settings.train, fibers=0))
    points, network = 16 * 16, 2 * 8 + 2 * 8 * 8 + 8
    tiny_network = 4 + 4 * 4 + 4 * 4
    energies = 2 * 4 * points + 2 * 16 * tiny_network
    assert step.operations(full, 16) == 2 * 3 * (points * network + energies)
    assert step.operations(full, 16) > step.operations(settings, 16)
    assert step.operations(TINY, 16) - step.operations(settings, 16) == 2 * 15 * 2 * 8**3


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="PyTorch is a benchmark-only extra")
def test_pytorch_takes_the_same_step():
    import torch

    from benchmarks import torch_step
    from inrr_jax.regularizers.dirichlet import from_factor

    generator = np.random.default_rng(0)
    columns, logits = generator.random((12, 5), np.float32), generator.random((12, 4), np.float32)
    theirs = torch_step.energy(torch.from_numpy(columns), torch.from_numpy(logits))
    factor = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert float(theirs) == pytest.approx(
        float(from_factor(jnp.asarray(columns.T[..., None]), jnp.asarray(factor))), rel=1e-4
    )
    for name, fibers in (("adam", 0), ("muon", 4)):
        settings = dataclasses.replace(
            TINY,
            optimizer=dataclasses.replace(TINY.optimizer, name=name),
            train=dataclasses.replace(TINY.train, fibers=fibers),
        )
        torch.manual_seed(0)
        fit = torch_step.Fit(16, settings)
        losses = [fit.step() for _ in range(30)]
        assert np.mean(losses[-5:]) < np.mean(losses[:5])
    rows = [tiny(row) for row in step.theirs() if row["batch"] == "full" and row["precision"] == "float32"]
    for row in step.run(rows, 1, 16, lengths={"full": 1}, product_side=16)["rows"]:
        assert row.keys() >= {"rate", "faults"} | QUARTILES


def test_energy_compares_both_forms_with_float64():
    row = energy.compare(24, 8, rounds=2, fibers=6)
    for name in ("dense", "matrix_free"):
        assert row[name].keys() == {"temporary", "error", "gradient_error"} | QUARTILES
        assert row[name]["error"] < 1e-5
        assert row[name]["gradient_error"] < 1e-5
    assert row["ratio"] > 0
    assert " - " not in measure.table([row], energy.COLUMNS).splitlines()[2]


def test_energy_skips_the_dense_form_where_it_does_not_fit(monkeypatch):
    enough = energy.compile_energy("matrix_free", *[np.zeros(s, np.float32) for s in ((6, 64, 1), (64, 4))])[1]
    monkeypatch.setattr(energy.psutil, "virtual_memory", lambda: argparse.Namespace(available=enough + 1))
    row = energy.compare(64, 4, rounds=1, fibers=6)
    assert "median" in row["matrix_free"]
    assert "ratio" not in row
    assert row["dense"].keys() == {"temporary"}
    assert measure.table([row], energy.COLUMNS).count(" - ") == 4


@pytest.mark.slow
def test_scale_fits_and_recovers():
    row = scale.measured(TINY, scale.problem_of(32))
    assert row.keys() >= {"linear", "psnr", "psnr_missing", "peak", "fit_peak", "recovery_seconds"} | QUARTILES
    assert [point["step"] for point in row["curve"]] == [2, 4, 6, 8]
    # At this size the patches cover the whole picture.
    assert row["psnr"] == pytest.approx(row["psnr_missing"], abs=0.01)
    assert row["fit_peak"] <= row["peak"] <= row["correction_peak"]


@pytest.mark.parametrize("side", [32, 256, 1000])
def test_patches_are_of_one_size_and_never_overlap(side):
    seen = np.zeros((side, side), int)
    for outer, inner in scale.patches(side):
        assert seen[outer][inner].shape == (min(64, side // 4),) * 2
        seen[outer][inner] += 1
    assert seen.max() == 1
    assert seen.all() == (side <= 256)


def test_the_start_is_reported_in_phases_and_the_functions_that_it_wraps_are_restored(tmp_path, monkeypatch):
    from scripts import train

    before = [getattr(owner, name) for _, owner, name in start.functions_of_phases(train)]
    assert len(before) > len({phase for phase, _, _ in start.functions_of_phases(train)})
    monkeypatch.setattr(measure, "in_process", lambda *flags: start.profile("smoke", tmp_path / "run"))
    jax.clear_caches()  # an earlier test of this process may have compiled the same program
    (row, *_) = rows = start.run(1, "smoke")
    assert row.keys() == {"phase", "cpu"} | QUARTILES
    assert [r["phase"] for r in rows][-2:] == [start.REST, "all"]
    expected = {"imports", "picture and mask", "first parameters", "tracing", "compilation", "steps", "evaluations"}
    assert expected | {"checkpoints", "harmonic fill", "figures"} < {r["phase"] for r in rows}
    # The job itself has run, and not a copy of it.
    assert (tmp_path / "run" / "result.json").exists()
    assert before == [getattr(owner, name) for _, owner, name in start.functions_of_phases(train)]


def test_every_phase_wraps_the_functions_that_the_training_script_calls():
    from scripts import train

    found = {(phase, owner.__name__, name) for phase, owner, name in start.functions_of_phases(train)}
    # The module that defines a function, and the script that has imported it by name.
    assert ("harmonic fill", "inrr_jax.baselines.diffusion", "harmonic") in found
    assert ("harmonic fill", "inrr_jax.reports.picture", "harmonic") in found
    assert ("steps", "inrr_jax.training.fit", "fit_chunk") in found
    assert ("checkpoints", "Checkpoints", "save") in found


@pytest.fixture
def clock(monkeypatch):
    """A clock of phases whose seconds advance by 1 for every call of `tick`, on the wall and of the processor."""
    now = [0.0]
    monkeypatch.setattr(start.psutil, "Process", lambda: argparse.Namespace(create_time=lambda: 0.0))
    monkeypatch.setattr(start.time, "time", lambda: now[0])
    monkeypatch.setattr(start.time, "process_time", lambda: 2 * now[0])
    made = start.PhaseClock("first")
    made.tick = lambda: now.__setitem__(0, now[0] + 1)
    return made


def test_the_time_of_nested_phases_is_subtracted(clock):
    inner = clock.timed("inner", lambda: clock.tick())

    def outer():
        clock.tick()
        inner()
        clock.tick()
        inner()

    clock.tick()
    clock.switch("second")
    clock.timed("outer", outer)()
    clock.tick()
    clock.switch("third")
    assert clock.wall == {"first": 1, "second": 1, "outer": 2, "inner": 2}
    assert clock.cpu == {name: 2 * value for name, value in clock.wall.items()}


def test_a_phase_ends_with_an_exception(clock):
    def fail():
        clock.tick()
        raise FloatingPointError

    with pytest.raises(FloatingPointError), clock.phase("outer"):
        clock.timed("inner", fail)()
    clock.tick()
    clock.switch("second")
    assert clock.wall == {"first": 1, "outer": 0, "inner": 1}


def test_compilations_are_phases_of_their_own():
    clock = start.PhaseClock("first")
    clock.switch("other")

    def traced(x):
        time.sleep(0.2)
        return 2 * x

    with clock.compiler_phases():
        called = clock.timed("call", jax.jit(traced))
        called(jnp.ones(3))
    clock.switch("other")
    # The sleep happens during the trace, and must count for the trace alone.
    assert clock.wall["tracing"] >= 0.2
    assert clock.wall["compilation"] > 0
    assert clock.wall["call"] < 0.2
    before = dict(clock.wall)
    jax.jit(lambda x: 3 * x)(jnp.ones(3))
    assert clock.wall == before


ROWS = [
    {"seconds": 5.0, "psnr_all": 27.0, "psnr_missing": 19.0, "nmae_missing": 0.10},
    {"seconds": 6.0, "psnr_all": 28.0, "psnr_missing": 19.5, "nmae_missing": 0.11},
    {"seconds": 7.0, "psnr_all": 28.1, "psnr_missing": 19.6, "nmae_missing": 0.10},
]


def test_the_time_to_a_quality_needs_both_numbers():
    assert time_to_quality.time_to(ROWS, 28.0, 0.1057) == 7.0
    assert time_to_quality.time_to(ROWS, 29.0, 0.1057) is None
    run = {"written": 9.0, "result": ROWS[-1], "rows": ROWS}
    both = time_to_quality.summary("auto", [run, run], (28.0, 0.1057))
    assert both["reached"]["median"] == 7.0
    assert "reached" not in time_to_quality.summary("auto", [run, run], (29.0, 0.1))
    assert "reached" not in time_to_quality.summary("auto", [run], None)
    line = measure.table([both], time_to_quality.COLUMNS).splitlines()[2]
    assert line == "| auto | 2 | 7.0 (7.0-7.0) | 9.0 (9.0-9.0) | 28.10 | 19.60 | 0.1000 |"


@pytest.mark.slow
def test_a_real_run_gives_the_rows_of_its_metrics(tmp_path):
    run = time_to_quality.train(tmp_path / "run", ["--config.train.steps=5"], "configs/baboon.py:smoke")
    assert run["written"] > run["rows"][-1]["seconds"] > 0
    assert time_to_quality.problem_flags("a.png", "m.png")[1:] == [
        "--config.mask.mode=file",
        "--config.mask.path=m.png",
    ]


class Instant:
    """A worker that answers without computing anything."""

    def ask(self, request):
        """Return the number of fits that share a device, as their milliseconds."""
        return float(request["at_once"])

    def close(self):
        """Do nothing."""


def test_cost_and_memory_are_reported_for_every_size_of_a_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "worker", lambda *flags, devices: Instant())
    monkeypatch.setattr(measure, "in_process", lambda *flags: {"estimate": 1.0, "taken": 2.0})
    rows = sweep.costs([1, 4], 2, 3, devices=2)
    assert [(row["one"]["median"], row["all"]["median"], row["loop"]["median"]) for row in rows] == [
        (1, 1, 1),
        (4, 2, 1),
    ]
    assert " - " not in measure.table(rows, sweep.COST).splitlines()[2]
    sweep.draw(tmp_path, rows)
    assert (tmp_path / "cost.png").stat().st_size > 0


def test_the_fits_of_a_batch_are_those_of_single_runs():
    fits = sweep.members(301, 0)
    assert fits[300] == fits[0]
    flags = sweep.train_flags(fits[7].settings)
    assert flags[0] == "--config=configs/base.py"
    assert "--config.field.omega=8.0" in flags
    assert fits[0].settings.train.steps == 400
    assert sweep.members(1, 3)[0].settings.train.steps == 3


@pytest.mark.slow
def test_a_batch_is_timed_and_its_memory_is_measured():
    assert sweep.Programs(2)({"size": 3, "at_once": 2}) > 0
    assert sweep.memory_of(2, 2).keys() == {"estimate", "taken"}


def test_versions_take_turns_and_warm_up():
    calls = []
    times = measure.alternate({name: (lambda name=name: calls.append(name) or len(calls)) for name in "ab"}, 2)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert times == {"a": [3, 5], "b": [4, 6]}
    assert measure.quartiles([1.0, 2.0, 3.0]) == {"median": 2.0, "low": 1.5, "high": 2.5}


def test_the_report_names_the_machine(tmp_path):
    measure.write(tmp_path / "new", "name", {"rows": [1]}, "a table")
    assert (tmp_path / "new" / "name.md").read_text().startswith("a table\n\nprocessor ")
    assert '"machine"' in (tmp_path / "new" / "name.json").read_text()
    plots.lines(tmp_path / "lines.png", {"title": {"a": ([1.0, 2.0], [3.0, 4.0])}}, "x")
    assert (tmp_path / "lines.png").stat().st_size > 0


def test_tables_compare_every_method():
    pytest.importorskip("sklearn")
    table = np.random.default_rng(0).standard_normal((12, 5)).astype(np.float32)
    found = tables.errors(table, 0.4, 0)
    assert found.keys() == {*MATRICES, *tables.TERMS}
    assert all(0 < error < 10 for error in found.values())


@pytest.mark.slow
def test_a_small_volume_is_completed_with_its_peak_of_memory():
    truth = np.linspace(0, 1, 12 * 11 * 10, dtype=np.float32).reshape(12, 11, 10)
    rows, completed = large_volume.compare(truth, np.random.default_rng(0).random(truth.shape) < 0.5, 5)
    assert [row["method"] for row in rows] == ["complete", "field", "linear"]
    assert rows[0]["psnr"] > 40  # a ramp
    assert 0 < rows[0]["peak"] < 64
    assert completed.shape == truth.shape
