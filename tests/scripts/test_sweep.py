"""Sweeps from the command line: what they leave, what is refused, and going on after any kind of end."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from PIL import Image

from configs import ensemble as ensemble_config
from configs import sweep_missing_rate
from inrr_jax.data import loading
from inrr_jax.errors import UserError
from inrr_jax.io.writers import read_lines
from inrr_jax.metrics import NAMES
from inrr_jax.options import from_mapping
from inrr_jax.settings import Settings
from scripts import cli, sweep

ROOT = Path(__file__).parents[2]
QUICK = {"fit.optimizer.name": "adam", "fit.field.depth": 1, "fit.regularizer.name": "none"}
AXES = (("mask.rate", (0.3, 0.7)), ("seed+mask.seed", (0, 1)))
LEFT = ["config.json", "curves.png", "report.md", "results.csv", "results.jsonl", "statistics.csv"]


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """Leave the devices as they are: JAX has started."""
    flags.FLAGS.mark_as_parsed()
    monkeypatch.setattr(cli, "split_cpu", lambda count: None)


def config(axes=AXES, **changes):
    settings = sweep_missing_rate.get_config("smoke")
    settings.update_from_flattened_dict(QUICK | {"axes": axes} | changes)
    return settings


def without_seconds(folder):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows(folder)]


def rows(folder):
    return read_lines(folder / "results.jsonl")


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a sweep that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    with pytest.MonkeyPatch.context() as patch:
        flags.FLAGS.mark_as_parsed()
        patch.setattr(cli, "split_cpu", lambda count: None)
        sweep.main(config(), folder)
    return folder


def test_it_leaves_a_row_per_fit_with_every_axis_and_metric(whole):
    assert sorted(path.name for path in whole.iterdir()) == LEFT
    found = rows(whole)
    assert [(row["mask.rate"], row["seed"], row["mask.seed"]) for row in found] == [
        (0.3, 0, 0),
        (0.3, 1, 1),
        (0.7, 0, 0),
        (0.7, 1, 1),
    ]
    assert list(found[0]) == ["mask.rate", "seed", "mask.seed", "seconds", "at_once", "error", *NAMES, "digest"]
    assert all(np.isfinite(row[name]) for row in found for name in NAMES)
    assert len({row["psnr_missing"] for row in found}) == 4
    assert "| 17." in (whole / "report.md").read_text() or "± " in (whole / "report.md").read_text()


def test_a_finished_sweep_says_so_and_keeps_its_rows(whole, capsys):
    before = content(whole)
    sweep.main(config(at_once=3), whole)  # how many at once is no part of what it is
    assert "holds this sweep, finished" in capsys.readouterr().out
    assert {p: c for p, c in content(whole).items() if p.suffix != ".png"} == {
        p: c for p, c in before.items() if p.suffix != ".png"
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"axes": (*AXES[:1], ("seed+mask.seed", (0, 2)))}, "holds another run, which differs in axes"),
        ({"fit.field.width": 9}, r"holds another run, which differs in fit\.field\.width"),
        ({"axes": (("mask.rates", (0.3,)),)}, r"mask\.rates is unknown"),
        ({"axes": (("data.image", ("none.png",)),)}, "none.png"),
    ],
)
def test_another_sweep_or_none_is_refused_before_anything_is_done(whole, changed, message):
    before = content(whole)
    with pytest.raises(UserError, match=message):
        sweep.main(config(**changed), whole)
    assert content(whole) == before


def test_a_stopped_sweep_keeps_its_rows_and_goes_on_to_the_same_table(whole, tmp_path, monkeypatch):
    folder, honest = tmp_path / "sweep", sweep.Sweep._keep

    def keep(self, job, outcome):
        if len(self.results.rows) == 2:
            raise KeyboardInterrupt
        honest(self, job, outcome)

    with monkeypatch.context() as patch:
        patch.setattr(sweep.Sweep, "_keep", keep)
        with pytest.raises(cli.Interrupted, match="keeps 2 of 4 fits; to resume, give the same command"):
            sweep.main(config(), folder)
    assert without_seconds(folder) == without_seconds(whole)[:2]
    with (folder / "results.jsonl").open("a") as file:
        file.write('{"mask.rate": 0.7, "se')  # as a kill leaves it
    sweep.main(config(), folder)
    assert without_seconds(folder) == without_seconds(whole)


def test_an_ensemble_leaves_mean_deviation_and_calibration(tmp_path, capsys):
    settings = ensemble_config.get_config("smoke")
    settings.update_from_flattened_dict(QUICK | {"fit.field.width": 8, "fit.data.size": 16, "fit.train.steps": 5})
    sweep.main(settings, tmp_path / "e")
    assert "Deviation and absolute error correlate with" in capsys.readouterr().out
    members = np.stack([np.load(tmp_path / "e" / "recovered" / f"{seed}.npy") for seed in (0, 1)])
    left = np.load(tmp_path / "e" / "ensemble.npz")
    np.testing.assert_allclose(left["mean"], members.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(left["deviation"], np.abs(members[0] - members[1]) / 2**0.5, atol=1e-6)
    ensemble = json.loads((tmp_path / "e" / "ensemble.json").read_text())
    assert ensemble["members"]["psnr_missing"] == pytest.approx(
        np.mean([r["psnr_missing"] for r in rows(tmp_path / "e")])
    )
    assert len(ensemble["calibration"]["error"]) == len(ensemble["calibration"]["deviation"]) == 10
    fit = from_mapping(settings.fit.to_dict(), Settings)
    problem = loading.load(fit.data, fit.mask)
    mask = problem.operator.mask
    with Image.open(tmp_path / "e" / "mean.png") as picture:
        pixels = np.asarray(picture, np.float32) / 255
    np.testing.assert_allclose(pixels[mask], problem.truth[..., 0][mask], atol=1 / 255)
    assert (tmp_path / "e" / "ensemble.png").stat().st_size > 0


@pytest.mark.parametrize("damage", ["cut", "foreign", "absent"])
def test_a_damaged_member_of_an_ensemble_is_named_and_fitted_again(tmp_path, caplog, monkeypatch, damage):
    monkeypatch.setattr(sweep.Sweep, "write", lambda self: "")
    settings = ensemble_config.get_config("smoke")
    settings.update_from_flattened_dict(QUICK | {"fit.field.width": 8, "fit.data.size": 16, "fit.train.steps": 5})
    sweep.main(settings, tmp_path)
    path, before = tmp_path / "recovered" / "1.npy", rows(tmp_path)
    whole = np.load(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    elif damage == "foreign":
        np.save(path, np.zeros((3, 3)))
    else:
        path.unlink()
    sweep.main(settings, tmp_path)
    assert "recovered/1.npy is damaged" in caplog.text
    np.testing.assert_array_equal(np.load(path), whole)
    assert [row["seed"] for row in rows(tmp_path)] == [row["seed"] for row in before]


def test_hosts_that_cannot_be_joined_are_told_in_one_line(monkeypatch):
    for variable in ("JAX_COORDINATOR_ADDRESS", "SLURM_JOB_ID"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UserError, match="^--distributed: .*or leave the flag out on one host$"):
        sweep._join()


# Real processes.

FLAGS = [f"--config.{name}={value}" for name, value in QUICK.items()]


def command(folder, *more):
    return [
        *(sys.executable, "-m", "scripts.sweep", "--config=configs/sweep_missing_rate.py:smoke"),
        *(*FLAGS, f"--workdir={folder}", *more),
    ]


def start(folder, *more, **environment):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command(folder, *more), cwd=ROOT, env={**os.environ, **environment}, **streams)


@pytest.mark.slow
def test_axes_are_given_on_the_command_line_and_refused_in_one_line(tmp_path):
    ran = subprocess.run(
        command(tmp_path / "s", "--config.axes=(('mask.rate',(0.3,)),('seeds',(1,)))"),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == ran.stderr.splitlines()[0] + "\n"
    assert "setting seeds is unknown: did you mean seed?" in ran.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_a_sweep_killed_at_random_goes_on_to_the_identical_table(tmp_path):
    axes = "--config.axes=(('mask.rate',(0.2,0.4,0.6,0.8)),('seed',(0,1,2,3)))"
    more = (axes, "--config.fit.train.steps=4000", "--config.fit.train.chunk=20")
    process = start(tmp_path / "whole", *more)
    process.communicate(timeout=300)
    assert process.returncode == 0
    chance, kills = random.Random(0), 0
    while not (tmp_path / "cut" / "report.md").exists():
        process, before = start(tmp_path / "cut", *more), len(rows(tmp_path / "cut"))
        while process.poll() is None and len(rows(tmp_path / "cut")) < before + 2:
            time.sleep(0.01)
        time.sleep(0.2 * chance.random())
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL if kills < 4 else 0)
        process.communicate(timeout=300)
    assert kills > 1
    assert without_seconds(tmp_path / "cut") == without_seconds(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    code = (
        "import sys, jax; jax.distributed.initialize('localhost:{port}', 2, {rank});"
        "from absl import app; from scripts import cli, sweep; sys.argv = sys.argv[1:]; cli.run(sweep.main)"
    )
    arguments = command(tmp_path / "two", "--config.devices=2")[2:]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code.format(port=port, rank=rank), *arguments],
            cwd=ROOT,
            env={**os.environ, "JAX_NUM_CPU_DEVICES": "2", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    printed = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    one = start(tmp_path / "one", "--config.devices=1")
    one.communicate(timeout=300)
    two_rows, one_rows = without_seconds(tmp_path / "two"), without_seconds(tmp_path / "one")
    assert len(two_rows) == len(one_rows) == 8
    for left, right in zip(two_rows, one_rows, strict=True):
        assert left == pytest.approx(right, abs=1e-4)
