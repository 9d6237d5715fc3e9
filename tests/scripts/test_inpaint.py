"""The command that recovers a picture in one line."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from absl import flags
from PIL import Image

from configs import inpaint as config
from inrr_jax.errors import UserError
from inrr_jax.recipes.tiles import filling, plan
from scripts import cli, inpaint

pytestmark = pytest.mark.usefixtures("optimised_programs")

QUICK = {"correction": "none", "regularizer.name": "none", "field.width": 16, "field.depth": 2, "train.steps": 20}


@pytest.fixture
def pictures(tmp_path):
    """A smooth picture with a hole, and its mask, as files."""
    y, x = np.mgrid[:24, :20] / 24
    missing = np.zeros(x.shape, bool)
    missing[8:14, 6:12] = True
    values = np.round(255 * (0.5 + 0.3 * np.sin(3 * x + y))).astype(np.uint8)
    Image.fromarray(np.where(missing, 0, values).astype(np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(np.where(missing, 0, 255).astype(np.uint8)).save(tmp_path / "mask.png")
    return tmp_path, values, missing


def run(folder, output, names=("photo.png", "mask.png"), workdir=None, **changes):
    flags.FLAGS.mark_as_parsed()
    settings = config.get_config()
    settings.update_from_flattened_dict(QUICK | changes)
    flags.FLAGS.output = output and str(folder / output)
    inpaint.main(settings, workdir, [str(folder / name) for name in names])


def test_missing_pixels_are_recovered_and_the_others_kept(pictures, capsys):
    folder, values, missing = pictures
    run(folder, "out.png")
    recovered = np.asarray(Image.open(folder / "out.png")).astype(int)
    np.testing.assert_array_equal(recovered[~missing], values[~missing])
    assert (recovered[missing] > 20).all()
    printed = capsys.readouterr().out
    assert "24 x 20, 7.5 % missing" in printed
    assert "written to" in printed


def test_bits_and_alpha_are_kept(pictures):
    folder, values, missing = pictures
    deep = np.stack([np.where(missing, 0, values.astype(np.uint16) * 257)] * 4, axis=-1).astype(np.uint16)
    deep[..., 3] = 1000
    tifffile.imwrite(folder / "deep.tif", deep, photometric="rgb", extrasamples=["unassalpha"])
    run(folder, "out.tif", ("deep.tif", "mask.png"))
    recovered = tifffile.imread(folder / "out.tif")
    assert recovered.dtype == np.uint16
    np.testing.assert_array_equal(recovered[~missing], deep[~missing])
    np.testing.assert_array_equal(recovered[..., 3], 1000)
    assert (recovered[missing][:, :3] > 5000).all()


def test_a_large_picture_is_resumed_after_ctrl_c(pictures, monkeypatch, capsys):
    folder, values, missing = pictures
    monkeypatch.setattr(inpaint.tiles, "suits", lambda *unused: True)
    monkeypatch.setattr(inpaint.recipe, "unless_default", lambda settings: None)
    calls, fill = [], filling.fill

    def stopped_in_the_second(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return fill(*arguments)

    monkeypatch.setattr(filling, "fill", stopped_in_the_second)
    monkeypatch.setattr(filling, "AT_ONCE", 1)
    monkeypatch.setattr(plan, "SIDE", 16)
    monkeypatch.setattr(plan, "HALO", 6)
    with pytest.raises(cli.Interrupted, match="keeps the finished tiles"):
        run(folder, "out.png")
    first = len(calls)
    run(folder, "out.png")
    assert not (folder / "out.png.tiles").exists()
    recovered, resumed = np.asarray(Image.open(folder / "out.png")).astype(int), len(calls) - first
    calls[:] = [None, None]  # not stopped again
    run(folder, "again.png")
    every = len(calls) - 2
    assert resumed < every <= first + resumed
    assert first < every
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "again.png")), recovered)
    np.testing.assert_array_equal(recovered[~missing], values[~missing])
    assert "MiB, about" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (None, {}, "-o is missing"),
        ("out.jpg", {}, r"give a name that ends in \.png or \.tif"),
        ("none/out.png", {}, "there is no folder"),
        ("folder.png", {}, r"folder\.png cannot be written \(Is a directory\): give another file"),
        ("out.png", {"names": ("photo.png",)}, "1 files are given: give the picture, the mask and -o"),
        ("out.png", {"workdir": "runs/x"}, "inpaint has no work directory"),
        ("out.png", {"names": ("photo.png", "none.png")}, "no file"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_computed(pictures, monkeypatch, output, options, message):
    monkeypatch.setattr(inpaint.recipe, "recover", lambda *arguments, **unused: pytest.fail("computed"))
    (pictures[0] / "folder.png").mkdir()
    before = sorted(pictures[0].iterdir())
    with pytest.raises(UserError, match=message):
        run(pictures[0], output, **options)
    assert sorted(pictures[0].iterdir()) == before


@pytest.mark.parametrize("name", ["ct", "sweep_missing_rate"])
def test_a_config_without_a_picture_is_refused(name):
    with pytest.raises(UserError, match="its data are no picture; give a config of a picture, such as --config=inp"):
        cli.check_picture(importlib.import_module(f"configs.{name}").get_config())


def test_a_misspelt_setting_of_the_default_config_gets_one_line():
    command = [sys.executable, "-m", "scripts.inpaint", "a.png", "b.png", "-o", "c.png", "--config.mask.threshhold=0.1"]
    found = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert found.stderr == "error: --config.mask.threshhold=0.1: no such setting; did you mean threshold?\n"
