"""The comparison from the command line: what it leaves, and that nothing is ever fitted twice."""

import csv
import os
import signal

import numpy as np
import pytest
from PIL import Image

from configs import compare as config
from inrr_jax.errors import UserError
from inrr_jax.io.writers import read_lines
from inrr_jax.training import sweep
from inrr_jax.training.sweep import Outcome
from scripts import cli, compare

TINY = {
    "fit.data.size": 16,
    "fit.field.width": 8,
    "fit.field.depth": 1,
    "fit.train.steps": 2,
    "fit.train.chunk": 1,
    "fit.regularizer.inrr.width": 4,
    "fit.regularizer.inrr.depth": 1,
    "fit.field.precision": "float32",
    "methods": "harmonic,siren+inrr,siren+inrr@50",
    "at_once": 1,
}
COLUMNS = "signal mask method field regularizer seed psnr_missing psnr_pasted psnr_all nmae_missing ssim_pasted steps"


@pytest.fixture(autouse=True)
def _one_device(monkeypatch):
    """Leave the devices as they are: JAX has started."""
    monkeypatch.setattr(cli, "split_cpu", lambda count: None)


def run(folder, **changes):
    settings = config.get_config("smoke")
    settings.update_from_flattened_dict(TINY | changes)
    compare.main(settings, folder)


@pytest.fixture
def fitted(monkeypatch):
    """Fits that take no time; the list of those that were made."""
    made = []

    def stand_in(members, *, done, recipe, log, on_progress, at_once):
        for i, member in enumerate(members):
            if i not in done:
                made.append(member)
                on_progress(member.settings.train.steps)
                known = member.problem.measurements if member.problem.truth is None else member.problem.truth
                noise = np.random.default_rng(member.settings.seed).normal(0, 0.1, known.shape)
                yield i, Outcome((known + noise).astype(np.float32), 1.0, "", 1)

    monkeypatch.setattr(sweep, "run", stand_in)
    return made


@pytest.fixture
def undrawn(monkeypatch):
    """No figures, which take most of the time here."""
    monkeypatch.setattr(compare.Comparison, "_draw", lambda self: None)


def content(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.jsonl")}


def test_real_fits_fill_the_table(tmp_path, undrawn):
    run(tmp_path / "run", methods="harmonic,siren", masks="random:0.5")
    rows = read_lines(tmp_path / "run" / "results.jsonl")
    scores = [row["psnr_missing"] for row in rows]
    assert [row["method"] for row in rows] == ["harmonic", "siren", "siren"]
    assert scores[0] > max(scores[1:]) > 0
    assert scores[1] != scores[2]
    assert all(row["seconds"] > 0 for row in rows)


def test_it_leaves_all_that_is_promised(tmp_path, fitted, capsys):
    run(tmp_path / "run")
    with (tmp_path / "run" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:13] == [*COLUMNS.split(), "seconds"]
    assert len(rows) == 2 * (1 + 2 * 2)
    assert all(np.isfinite(float(row["psnr_missing"])) for row in rows)
    assert {row["chosen"].split("=")[0] for row in rows} == {"", "field.omega"}
    text = (tmp_path / "run" / "results.md").read_text()
    assert text.startswith("# Comparison")
    assert "## Laplacians learned throughout against frozen ones" in text
    for name in ("camera-text-0.125", "camera-random-0.5", "gains"):
        with Image.open(tmp_path / "run" / f"{name}.png") as picture:
            assert picture.width > 300
    assert "| siren+inrr | 2 |" in capsys.readouterr().out
    assert len(read_lines(tmp_path / "run" / "selection" / "results.jsonl")) == 2 * 4


def test_what_is_finished_is_not_fitted_again(tmp_path, fitted, undrawn):
    run(tmp_path / "run")
    first = len(fitted)
    assert first == 2 * (4 + 2 * 2)
    before = content(tmp_path / "run")
    run(tmp_path / "run")
    assert len(fitted) == first
    assert content(tmp_path / "run").keys() == before.keys()


def test_parts_fill_one_table(tmp_path, fitted, undrawn):
    for part in ({"masks": "text:0.125"}, {"masks": "random:0.5"}, {"methods": "harmonic,siren"}, {"seeds": 3}):
        run(tmp_path / "parts", **part)
    made = len(fitted)
    rows = read_lines(tmp_path / "parts" / "results.jsonl")
    run(tmp_path / "whole", methods="harmonic,siren,siren+inrr,siren+inrr@50", seeds=3)
    whole = read_lines(tmp_path / "whole" / "results.jsonl")
    keys = [{(row["signal"], row["mask"], row["method"], row["seed"]) for row in found} for found in (rows, whole)]
    assert len(keys[0]) == len(rows)
    assert keys[0] < keys[1]
    assert len(keys[1]) - len(keys[0]) == 2  # siren's third seed, under two masks
    assert len(fitted) - made == made + 2


@pytest.mark.parametrize("after", [pytest.param(0, marks=pytest.mark.slow), 9])
def test_a_stopped_comparison_goes_on_to_the_same_table(tmp_path, fitted, monkeypatch, after, capsys):
    run(tmp_path / "whole")
    whole = len(fitted)
    stand_in = sweep.run

    def stopping(members, **options):
        for outcome in stand_in(members, **options):
            if len(fitted) > whole + after:
                raise KeyboardInterrupt
            yield outcome

    monkeypatch.setattr(sweep, "run", stopping)
    with pytest.raises(cli.Interrupted, match="to resume, give the same command again"):
        run(tmp_path / "run")
    assert (tmp_path / "run" / "results.md").exists()
    with (tmp_path / "run" / "results.jsonl").open("a") as file:
        file.write('{"signal": "cam')  # a kill in the middle of a line
    monkeypatch.setattr(sweep, "run", stand_in)
    run(tmp_path / "run")
    assert len(fitted) == 2 * whole + 1  # the one that was under way
    tables = [(tmp_path / name / "results.md").read_text() for name in ("whole", "run")]
    without_times = [[line.split("|")[:6] for line in text.splitlines()] for text in tables]
    assert without_times[0] == without_times[1]
    for name in ("camera-text-0.125.png", "gains.png"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_another_budget_is_another_comparison(tmp_path, fitted, undrawn):
    run(tmp_path / "run", methods="siren")
    before = content(tmp_path / "run")
    with pytest.raises(UserError, match=r"holds another run, which differs in fit\.train\.steps"):
        run(tmp_path / "run", methods="siren", **{"fit.train.steps": 3})
    assert content(tmp_path / "run") == before


def test_another_picture_of_the_same_name_is_refused(tmp_path, fitted, undrawn):
    path = tmp_path / "a.png"
    for seed in range(2):
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16), np.uint8)).save(path)
        if seed:
            before = len(fitted)
            with pytest.raises(UserError, match=r"holds a, text:0\.125, siren, .* of other data"):
                run(tmp_path / "run", methods="siren", signals=str(path))
            assert len(fitted) == before
        else:
            run(tmp_path / "run", methods="siren", signals=str(path))


def test_a_fit_that_diverged_is_told_and_stops_nothing(tmp_path, monkeypatch):
    def diverging(members, *, done, **unused):
        for i, member in enumerate(members):
            if i not in done:
                yield (
                    i,
                    Outcome(
                        np.full(member.problem.measurements.shape, np.nan, np.float32), 1.0, "step 2: no number", 1
                    ),
                )

    monkeypatch.setattr(sweep, "run", diverging)
    run(tmp_path / "run", methods="harmonic,siren")
    assert "2 of 2 diverged" in (tmp_path / "run" / "results.md").read_text()
    assert {row["error"] for row in read_lines(tmp_path / "run" / "results.jsonl")} == {None, "step 2: no number"}


def test_every_method_of_the_config_is_known():
    from inrr_jax.experiments import methods

    for variant in ("", "reference", "smoke"):
        for name in config.get_config(variant).methods.split(","):
            methods.parse_name(name)


def test_ctrl_c_waits_for_the_end_of_a_chunk(tmp_path, monkeypatch, capfd):
    """A crash on the way out, with the devices still at work, is what a plain KeyboardInterrupt may end in."""
    reached = []

    def interrupted(members, *, done, on_progress, **unused):
        on_progress(1)
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("the chunk's end")
        on_progress(1)
        yield from ()

    monkeypatch.setattr(sweep, "run", interrupted)
    with pytest.raises(cli.Interrupted, match="keeps what is finished"):
        run(tmp_path / "run")
    assert reached == ["the chunk's end"]
    assert "once more to stop at once" in capfd.readouterr().err


def test_inrz_states_the_steps_of_its_first_fit_too(tmp_path, fitted, undrawn):
    run(tmp_path / "run", methods="siren,inrz_patch", masks="text:0.125", seeds=1)
    rows = read_lines(tmp_path / "run" / "results.jsonl")
    assert [(row["field"], row["steps"]) for row in rows] == [("siren", 2), ("inrz_patch", 4)]


def test_fills_alone_need_no_fit(tmp_path, monkeypatch, undrawn):
    monkeypatch.setattr(sweep, "run", lambda *unused, **options: pytest.fail("fitted"))
    run(tmp_path / "run", methods="harmonic")
    assert len(read_lines(tmp_path / "run" / "results.jsonl")) == 2


@pytest.mark.parametrize("method", ["tucker", pytest.param("tucker/blended", marks=pytest.mark.slow)])
def test_arrays_are_compared_by_the_same_command(tmp_path, method):
    np.save(tmp_path / "a.npy", np.fromfunction(lambda i, j, k: 7 * np.sin(i / 3) + j + k, (9, 8, 6)))
    settings = config.get_config("smoke")
    settings.update_from_flattened_dict(TINY | {"fit.data.name": "array", "masks": "slices:0.4:2", "seeds": 1})
    settings.update_from_flattened_dict({"signals": f"{tmp_path}/a.npy[:8]", "methods": f"linear,als,{method}"})
    compare.main(settings, tmp_path / "run")
    rows = {row["method"]: row for row in read_lines(tmp_path / "run" / "results.jsonl")}
    assert list(rows) == ["linear", "als", method]
    assert rows["linear"]["rmse_missing"] < 2  # the slices at an end are missing
    if method == "tucker/blended":
        assert rows[method]["psnr_missing"] > rows["als"]["psnr_missing"] - 3
    assert np.load(tmp_path / "run" / "recoveries" / "a" / "slices-0.4-2" / "als.npy").shape == (9 - 1, 8, 1)
    with Image.open(tmp_path / "run" / "a-slices-0.4-2.png") as picture:
        assert picture.width > 300
    assert "RMSE missing" in (tmp_path / "run" / "results.md").read_text()
