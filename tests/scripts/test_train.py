"""Runs from the command line: what they leave, what bad input gets, and going on after any kind of end."""

import errno
import functools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import inrr_jax
from configs import baboon, inpaint
from inrr_jax import metrics
from inrr_jax.data import images, loading
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.io import workdir
from inrr_jax.io.writers import read_lines
from inrr_jax.recipes import pipeline
from inrr_jax.training import checkpoints, fit
from inrr_jax.training.checkpoints import Checkpoints
from scripts import cli, train
from scripts.progress import Progress

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SMOKE = "--config=configs/baboon.py:smoke"
LEFT = [
    "checkpoints",
    "comparison.png",
    "config.json",
    "field.npz",
    "metrics.jsonl",
    "reconstruction.png",
    "result.json",
]
SCORES = ["psnr_missing", "psnr_observed", "psnr_all", "psnr_pasted", "nmae_missing", "ssim_pasted"]
TIMES = {"seconds", "steps_per_second"}


def smoke(**changes):
    config = baboon.get_config("smoke")
    config.update_from_flattened_dict({name.replace("__", "."): value for name, value in changes.items()})
    return config


@functools.cache
def initial_state(settings):
    return fit.init(loading.load(settings.data, settings.mask), settings)[0]


def final_state(folder):
    """Return the newest state that the folder's checkpoints hold."""
    state, _ = Checkpoints(folder / "checkpoints").restore(initial_state(workdir.recorded(folder)))
    return state


def without_times(content):
    return {key: value for key, value in content.items() if key not in TIMES}


def assert_same_run(left, right):
    """Compare all that two runs leave, bit for bit, but for the times."""
    jax.tree.map(np.testing.assert_array_equal, final_state(left), final_state(right))
    rows = [[without_times(row) for row in read_lines(folder / "metrics.jsonl")] for folder in (left, right)]
    assert rows[0] == rows[1]
    assert without_times(workdir.finished(left)) == without_times(workdir.finished(right))
    assert (left / "reconstruction.png").read_bytes() == (right / "reconstruction.png").read_bytes()


def content(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder of a run from the first step to the last."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    train.main(smoke(), folder)
    return folder


# What a run leaves.


def test_it_leaves_all_that_is_promised(uninterrupted):
    assert sorted(path.name for path in uninterrupted.iterdir() if path.name != "tensorboard") == LEFT
    result = json.loads((uninterrupted / "result.json").read_text())
    assert list(result) == ["seed", "steps", "seconds", *SCORES, "others"]
    assert [list(row) for row in result["others"].values()] == [SCORES, SCORES]
    assert (result["seed"], result["steps"]) == (0, 20)
    assert result["seconds"] > 0
    assert all(np.isfinite(result[name]) for name in SCORES)
    assert result["others"]["harmonic"]["psnr_observed"] is None  # it copies them: infinite
    with Image.open(uninterrupted / "reconstruction.png") as picture:
        assert (picture.size, picture.mode) == ((32, 32), "L")


def test_it_leaves_the_field_itself(uninterrupted):
    field, picture = inrr_jax.load(uninterrupted / "field.npz"), Image.open(uninterrupted / "reconstruction.png")
    settings = workdir.recorded(uninterrupted)
    missing = ~loading.load(settings.data, settings.mask).operator.mask
    shown = np.round(255 * field.on_grid()[..., 0].clip(0, 1))
    np.testing.assert_array_equal(shown[missing], np.asarray(picture)[missing])


def test_metrics_have_a_row_per_evaluation(uninterrupted):
    rows = read_lines(uninterrupted / "metrics.jsonl")
    terms = {"loss", "fidelity", "energy_inrr_row", "energy_inrr_col"}
    assert [row["step"] for row in rows] == [10, 20]
    assert all(set(row) == {"step", *terms, *SCORES, *TIMES} for row in rows)
    assert rows[-1]["psnr_all"] == workdir.finished(uninterrupted)["psnr_all"]
    assert rows[1]["loss"] < rows[0]["loss"]
    assert rows[0]["seconds"] < rows[1]["seconds"]


def test_a_finished_run_says_so_and_changes_nothing(uninterrupted, capsys):
    before = content(uninterrupted)
    train.main(smoke(), uninterrupted)
    printed = capsys.readouterr().out
    assert "finished; remove the folder to start over" in printed
    assert f"{workdir.finished(uninterrupted)['psnr_missing']:.4f}" in printed
    assert content(uninterrupted) == before


def test_another_seed_is_another_run(uninterrupted, tmp_path):
    with pytest.raises(UserError, match="holds another run, which differs in seed"):
        train.main(smoke(seed=1), uninterrupted)
    train.main(smoke(seed=1), tmp_path / "run")
    with pytest.raises(AssertionError):
        assert_same_run(tmp_path / "run", uninterrupted)


def test_precision_auto_is_settled_once_for_a_run(uninterrupted, monkeypatch):
    settled = workdir.recorded(uninterrupted).field.precision
    assert settled in ("float32", "bfloat16")
    other = "float32" if settled == "bfloat16" else "bfloat16"
    monkeypatch.setattr(train, "best_precision", lambda: other)  # as on another machine
    train.main(smoke(), uninterrupted)
    assert workdir.recorded(uninterrupted).field.precision == settled


def test_without_truth_errors_on_missing_pixels_are_null(tmp_path, capsys):
    np.save(tmp_path / "mask.npy", np.random.default_rng(0).random((32, 32)) > 0.3)
    config = inpaint.get_config("smoke")
    config.update_from_flattened_dict({"mask.path": str(tmp_path / "mask.npy"), "data.grey": True})
    train.main(config, tmp_path / "run")
    result = workdir.finished(tmp_path / "run")
    assert [name for name in SCORES if result["others"]["network"][name] is not None] == ["psnr_observed"]
    assert all(result[name] is None for name in SCORES)  # corrected, it copies what is observed: infinite
    assert all(result["others"]["harmonic"][name] is None for name in SCORES)
    rows = read_lines(tmp_path / "run" / "metrics.jsonl")
    assert {name for row in rows for name in SCORES if row[name] is not None} == {"psnr_observed"}
    assert re.search(r"network +- +\d+\.\d+ +- +-", capsys.readouterr().out)


def test_progress_lines_tell_speed_and_scores(capsys):
    with Progress(total=10, done=2, seconds_between_lines=0.0) as progress:
        progress.update(4, speed=2.0)
        progress.show({"psnr_all": 12.345, "psnr_missing": None, "nmae_missing": 0.1})
        progress.update(6, speed=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["step 4/10, 3 s left, 2.0 steps/s", "step 6/10, 8 s left, 0.5 steps/s, all 12.35 dB"]


def test_progress_lines_keep_their_distance_but_for_the_last(capsys):
    with Progress(total=10, seconds_between_lines=1000.0) as progress:
        for step in (2, 4, 10):
            progress.update(step, speed=1.0)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["step 2/10", "step 10/10"]


@pytest.mark.parametrize(
    "result",
    ['{"others": 3}', '{"others": {"network": 1}, "steps": 1, "seconds": 2}', '{"others": {}, "steps": 1}'],
)
def test_a_result_of_another_shape_is_refused_in_one_line(uninterrupted, tmp_path, result):
    folder = shutil.copytree(uninterrupted, tmp_path / "run")
    (folder / "result.json").write_text(result)
    with pytest.raises(UserError, match=r"result\.json is no result of this version: remove it, and the same command"):
        train.main(smoke(), folder)


# Going on.


@pytest.fixture
def undrawn():
    """No figure, which takes most of the time of a run here; outlives `monkeypatch.undo`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inrr_jax.plots.comparison", lambda *unused, **also: None)
        yield


@pytest.fixture
def at_step(monkeypatch):
    """Return a function that has another one called when the fit's progress reaches a step."""

    def install(step, action):
        class Watched(Progress):
            def update(self, now, speed):
                super().update(now, speed)
                if now == step:
                    action()

        monkeypatch.setattr(train, "Progress", Watched)

    return install


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(
    uninterrupted, undrawn, tmp_path, at_step, monkeypatch, capfd, number
):
    folder = tmp_path / "run"
    at_step(10, lambda: signal.raise_signal(number))
    with pytest.raises(cli.Interrupted, match=r"stopped at step 15: to resume, .*keeps the checkpoint of step 15"):
        train.main(smoke(), folder)
    assert "once more to stop at once" in capfd.readouterr().err
    assert not (folder / "result.json").exists()
    monkeypatch.undo()
    train.main(smoke(), folder)
    assert "resumed at step 15" in capfd.readouterr().out
    assert_same_run(folder, uninterrupted)


@pytest.mark.slow
def test_a_fit_that_needs_a_first_one_goes_on_in_either(tmp_path, undrawn, at_step, capfd):
    config = smoke(field__name="inrz", field__depth=1, regularizer__name="grid", optimizer__name="adam")
    folder = tmp_path / "run"
    at_step(10, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(cli.Interrupted, match=r"run/first keeps the checkpoint of step 15"):
        train.main(config, folder)
    with pytest.raises(cli.Interrupted, match=r"run keeps the checkpoint of step 15"):
        train.main(config, folder)
    train.main(config, folder)
    printed = capfd.readouterr().out
    assert re.findall(r"resumed at step (\d+) from (?:.*)/(\w+)\n", printed) == [
        ("15", "first"),
        ("20", "first"),
        ("15", "run"),
    ]
    settings = workdir.recorded(folder)
    problem = loading.load(settings.data, settings.mask)
    expected = metrics.score(pipeline.solve(problem, settings), problem)
    found = workdir.finished(folder)
    assert {name: found[name] for name in SCORES} == expected
    assert found["psnr_missing"] != workdir.finished(folder / "first")["psnr_missing"]


def test_a_stop_during_the_first_chunk_keeps_its_end(uninterrupted, undrawn, tmp_path, monkeypatch):
    compiled = fit.fit_chunk

    def interrupted(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)
        return compiled(*args, **kwargs)

    monkeypatch.setattr(fit, "fit_chunk", interrupted)
    with pytest.raises(cli.Interrupted, match="stopped at step 5"):
        train.main(smoke(), tmp_path / "run")
    monkeypatch.undo()
    train.main(smoke(), tmp_path / "run")
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_stop_in_the_last_chunk_lets_the_run_finish(uninterrupted, undrawn, tmp_path, at_step):
    at_step(15, lambda: signal.raise_signal(signal.SIGINT))
    train.main(smoke(), tmp_path / "run")
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_second_ctrl_c_stops_at_once_and_what_was_kept_goes_on(
    uninterrupted, undrawn, tmp_path, at_step, monkeypatch
):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    at_step(15, twice)
    before = signal.getsignal(signal.SIGINT)  # ignored where the tests run in the background
    with pytest.raises(cli.Interrupted, match=r"stopped at once: to resume, .*keeps the checkpoint of step 10"):
        train.main(smoke(), tmp_path / "run")
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is before
    train.main(smoke(), tmp_path / "run")
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_checkpoint_cut_short_is_passed_over_for_the_one_before(
    uninterrupted, undrawn, tmp_path, at_step, monkeypatch, caplog, capfd
):
    folder = tmp_path / "run"
    at_step(10, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(cli.Interrupted):
        train.main(smoke(), folder)
    for file in (folder / "checkpoints" / "15").rglob("*"):
        if file.is_file():
            os.truncate(file, file.stat().st_size // 2)
    monkeypatch.undo()
    train.main(smoke(), folder)
    assert "the checkpoint of step 15 is unreadable" in caplog.text
    assert "resumed at step 10" in capfd.readouterr().out
    assert_same_run(folder, uninterrupted)


# Ends that are nobody's wish.


def test_a_loss_that_turns_nan_names_step_and_term_and_keeps_the_last_good_state(
    uninterrupted, undrawn, tmp_path, monkeypatch
):
    folder, compiled = tmp_path / "run", fit.fit_chunk

    def poisoned(*args, **kwargs):
        state, info = compiled(*args, **kwargs)
        if int(state.step) == 15:
            info["energy_inrr_row"] = info["energy_inrr_row"].at[2].set(np.nan)
        return state, info

    monkeypatch.setattr(fit, "fit_chunk", poisoned)
    with pytest.raises(DivergedError, match=r"^step 13: .*energy_inrr_row.*keeps the checkpoint of step 10$"):
        train.main(smoke(), folder)
    assert not (folder / "result.json").exists()
    assert int(final_state(folder).step) == 10
    monkeypatch.undo()
    train.main(smoke(), folder)
    assert_same_run(folder, uninterrupted)


def test_absurd_rates_diverge_before_anything_is_kept(tmp_path):
    config = smoke(optimizer__field_rate=1e30)
    with pytest.raises(DivergedError, match=r"^step \d+: .*fidelity.*lower the rates.*keeps no checkpoint$"):
        train.main(config, tmp_path / "run")


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_once_per_kind_and_the_same_command_completes_the_run(
    uninterrupted, undrawn, tmp_path, at_step, monkeypatch, caplog, capsys
):
    folder = tmp_path / "run"

    def fill_the_disk():
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda _: usage._replace(free=0))
        monkeypatch.setattr(train.MetricsWriter, "write", full)
        monkeypatch.setattr(images, "save", full)

    at_step(10, fill_the_disk)
    failed = (
        "could not be written: a checkpoint, metrics.jsonl, reconstruction.png; .*the checkpoint of step 10: to res"
    )
    with pytest.raises(OSError, match=failed):
        train.main(smoke(), folder)
    logged = [message for message in caplog.messages if "No space left on device" in message]
    assert [message.split(" could")[0] for message in logged] == ["metrics.jsonl", "a checkpoint", "reconstruction.png"]
    assert f"{workdir.finished(uninterrupted)['psnr_missing']:.4f}" in capsys.readouterr().out
    assert not (folder / "result.json").exists()
    monkeypatch.undo()
    train.main(smoke(), folder)
    assert_same_run(folder, uninterrupted)


def test_a_run_whose_result_could_not_be_written_completes_it(uninterrupted, undrawn, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setattr(train, "write_json", full)
    with pytest.raises(OSError, match=r"could not be written: result\.json; .*the checkpoint of step 20"):
        train.main(smoke(), folder)
    monkeypatch.undo()
    train.main(smoke(), folder)
    assert_same_run(folder, uninterrupted)


# The command line itself: every start of Python takes seconds, so the refusals share one, a fork each.

REFUSALS = """
import json, os, sys, traceback
from scripts import cli, train
for index, arguments in enumerate(json.loads(sys.argv[1])):
    if os.fork() == 0:
        log = os.open(f"{sys.argv[2]}/{index}.log", os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 1), os.dup2(log, 2)
        sys.argv, code = ["train", *arguments], 99
        try:
            cli.run(train.main)
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(), sys.stderr.flush()
        os.write(log, f"exit code {code}".encode())
        os._exit(0)
    os.wait()
"""

OWN = ["--config=configs/inpaint.py:smoke", "--config.data.size=0", "--config.data.image=IN/ok.png"]
REFUSED = {
    "missing image": ([SMOKE, "--config.data.image=IN/none.png"], "picture IN/none.png is no file"),
    "unknown bundled image": ([SMOKE, "--config.data.image=babon"], "did you mean baboon?"),
    "directory as image": ([SMOKE, "--config.data.image=IN"], "is a directory"),
    "no image": ([SMOKE, "--config.data.image=IN/text.png"], "'IN/text.png' is no picture"),
    "image cut short": ([SMOKE, "--config.data.image=IN/cut.png"], "cannot read 'IN/cut.png'"),
    "NaN in the image": ([SMOKE, "--config.data.image=IN/nan.npy"], "NaN among the pixels"),
    "values out of range": ([SMOKE, "--config.data.image=IN/large.npy"], "floats must lie in [0, 1]"),
    "image too small": ([SMOKE, "--config.data.size=6", "--config.train.fibers=7"], "too small for train.fibers=7"),
    "no mask": (OWN, "needs mask.path"),
    "mask of another shape": ([*OWN, "--config.mask.path=IN/shape.npy"], "a mask of shape (20, 20): give the signal"),
    "nothing observed": ([*OWN, "--config.mask.path=IN/nothing.npy"], "nothing is observed"),
    "nothing missing": ([*OWN, "--config.mask.path=IN/everything.npy"], "nothing is missing"),
    "missing mask": ([*OWN, "--config.mask.path=IN/none.npy"], "no file 'IN/none.npy'"),
    "rate 0": ([SMOKE, "--config.mask.rate=0"], "mask.rate=0.0 is out of range: give a number above 0"),
    "rate 1": ([SMOKE, "--config.mask.rate=1"], "above 0 and below 1"),
    "rate above 1": ([SMOKE, "--config.mask.rate=1.5"], "above 0 and below 1"),
    "rate NaN": ([SMOKE, "--config.mask.rate=nan"], "mask.rate=nan is out of range"),
    "unknown mode": ([SMOKE, "--config.mask.mode=radnom"], "mask.mode=radnom is unknown: did you mean random?"),
    "unknown field": ([SMOKE, "--config.field.name=siern"], "field.name=siern is unknown: did you mean siren?"),
    "unknown regulariser": (
        [SMOKE, "--config.regularizer.name=inr"],
        "did you mean inrr? accepted are air, grid, gui",
    ),
    "unknown optimiser": ([SMOKE, "--config.optimizer.name=adm"], "did you mean adam? accepted are adam, muon"),
    "unknown variant": (["--config=configs/baboon.py:smok"], "config variant smok is unknown: did you mean smoke?"),
    "unknown key": ([SMOKE, "--config.train.step=3"], "--config.train.step=3: no such setting; did you mean steps?"),
    "unknown section": ([SMOKE, "--config.trian.steps=3"], "--config.trian.steps=3: no such setting; did you mean tr"),
    "key below a number": ([SMOKE, "--config.seed.x=3"], "--config.seed.x=3: no such setting"),
    "option of another field": ([SMOKE, "--config.field.factors=3"], "field.factors is no setting of field.name=siren"),
    "option of another term's type": (
        [SMOKE, "--config.regularizer.tv.weight=-1"],
        "regularizer.tv.weight=-1.0 is",
    ),
    "unlike all keys": ([SMOKE, "--config.zzz=3"], "--config.zzz=3: no such setting; inrr_jax/settings.py says"),
    "fraction for a count": ([SMOKE, "--config.train.steps=2.5"], "--config.train.steps=2.5: give a whole number"),
    "word for a number": ([SMOKE, "--config.mask.rate=high"], "--config.mask.rate=high: give a number"),
    "word for a truth value": ([SMOKE, "--config.data.grey=maybe"], "--config.data.grey=maybe: give true or false"),
    "number for a section": ([SMOKE, "--config.train=3"], "--config.train=3: give NAME.KEY"),
    "mask size beyond 32 bits": ([SMOKE, "--config.mask.size=2147483648"], "mask.size=2147483648 is out of range"),
    "step beyond 32 bits": (
        [SMOKE, f"--config.optimizer.freeze_at={10**20}"],
        "out of range: give a number of at least 0 and at most 2147483647",
    ),
    "picture beyond the memory": ([SMOKE, "--config.data.size=10000000"], "values needs about 800000.0 GB and"),
    "network beyond the memory": (
        [SMOKE, "--config.field.width=100000000"],
        "a fit of siren to 32 x 32 x 1 values needs",
    ),
    "no steps": ([SMOKE, "--config.train.steps=0"], "train.steps=0 is out of range: give a number of at least 1"),
    "no config": ([], "--config is missing"),
    "settings without a config": (["--config.seed=1"], "--config is missing"),
    "config of another command": (["--config=theorem"], "--config=theorem is a config of inrr-jax ntk: give it to"),
    "empty config": (["--config="], "--config=: names no file"),
    "missing config": (
        ["--config=configs/babon.py"],
        "--config=configs/babon.py is no file, and as a name it is unknown",
    ),
    "unknown config": (
        ["--config=babon:smoke"],
        "--config=babon:smoke is no file, and as a name it is unknown: did you mean baboon?",
    ),
    "config without configs": (["--config=scripts/progress.py"], "--config=scripts/progress.py: defines no get_config"),
    "two configs": ([SMOKE, "--config=configs/base.py"], "--config is given twice"),
    "unknown flag": ([SMOKE, "--workdr=x"], "flag --workdr is unknown: did you mean workdir?"),
    "argument without flag": ([SMOKE, "extra"], "argument extra is not understood"),
    "file as work directory": ([SMOKE, "--workdir=IN/text.png"], "IN/text.png cannot be written (File exists)"),
    "foreign work directory": (
        [SMOKE, "--workdir=IN"],
        "so it is not the folder of a run: give a --workdir that is new or empty",
    ),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Run all of the above, and return their output by name, the input folder, and what had been in it."""
    inputs, logs = tmp_path_factory.mktemp("inputs"), tmp_path_factory.mktemp("logs")
    make_inputs(inputs)
    before = content(inputs)
    cases = [[part.replace("IN", str(inputs)) for part in arguments] for arguments, _ in REFUSED.values()]
    absent = [f"--workdir={inputs / 'work'}"]
    cases = [case if any("--workdir" in part for part in case) else [*case, *absent] for case in cases]
    command = [sys.executable, "-c", REFUSALS, json.dumps(cases), str(logs)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, timeout=120)
    return {name: (logs / f"{i}.log").read_text() for i, name in enumerate(REFUSED)}, inputs, before


def make_inputs(folder):
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 255, (24, 24), dtype=np.uint8)).save(folder / "ok.png")
    (folder / "cut.png").write_bytes((folder / "ok.png").read_bytes()[:300])
    (folder / "text.png").write_text("hello")
    pixels = generator.random((24, 24))
    np.save(folder / "large.npy", 3 * pixels)
    pixels[3, 4] = np.nan
    np.save(folder / "nan.npy", pixels)
    np.save(folder / "shape.npy", np.eye(20, dtype=bool))
    np.save(folder / "nothing.npy", np.zeros((24, 24), bool))
    np.save(folder / "everything.npy", np.ones((24, 24), bool))


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_one_line_and_exit_code_1(refused, name):
    outputs, inputs, before = refused
    *lines, code = outputs[name].splitlines()
    assert code == "exit code 1", outputs[name]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert REFUSED[name][1].replace("IN", str(inputs)) in lines[0]
    assert "  " not in lines[0]
    assert content(inputs) == before
    assert not (inputs / "work").exists()


# Whole processes.

LONG = {"train__steps": 600, "train__evaluate_every": 100, "train__checkpoint_every": 100}


def start(folder, **changes):
    flags = [f"--config.{name.replace('__', '.')}={value}" for name, value in changes.items()]
    command = [sys.executable, "-m", "scripts.train", SMOKE, f"--workdir={folder}", *flags]
    return subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for(process, beginning):
    """Read the process's lines up to one with this beginning."""
    for line in process.stdout:
        if line.startswith(beginning):
            return
    raise AssertionError(f"the process ended without a line that begins with {beginning!r}")


@pytest.mark.slow
def test_ctrl_c_exits_with_130_and_the_same_command_goes_on(tmp_path):
    process = start(tmp_path / "run", **LONG)
    wait_for(process, "step ")
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    stopped = re.search(
        r"stopped at step (\d+): to resume, give the same command again; .* of step \1$", printed.strip()
    )
    assert stopped, printed
    assert "Traceback" not in printed
    process = start(tmp_path / "run", **LONG)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    assert f"resumed at step {stopped[1]} " in printed
    train.main(smoke(**LONG), tmp_path / "whole")
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
def test_kill_9_at_random_times_ends_with_the_same_parameters(tmp_path):
    changes = {"train__steps": 12_000, "train__evaluate_every": 500, "train__checkpoint_every": 50}
    for _ in range(10):
        process = start(tmp_path / "run", **changes)
        wait_for(process, "step ")
        time.sleep(random.uniform(0, 0.8))
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    process = start(tmp_path / "run", **changes)
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 0, printed
    assert int(re.search(r"resumed at step (\d+) ", printed)[1]) > 0
    train.main(smoke(**changes), tmp_path / "whole")
    assert_same_run(tmp_path / "run", tmp_path / "whole")
