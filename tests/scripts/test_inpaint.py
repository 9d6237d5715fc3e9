"""The command that recovers a picture in one line."""

import numpy as np
import pytest
from absl import flags
from PIL import Image

from configs import inpaint as config
from inrr_jax.errors import UserError
from scripts import inpaint

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
    told = capsys.readouterr().out
    assert "24 x 20, 7.5 % missing" in told
    assert "written to" in told


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (None, {}, "-o is missing"),
        ("out.jpg", {}, r"give a name that ends in \.png"),
        ("none/out.png", {}, "there is no folder"),
        ("out.png", {"names": ("photo.png",)}, "1 files are given: give the picture, the mask and -o"),
        ("out.png", {"workdir": "runs/x"}, "inpaint has no work directory"),
        ("out.png", {"names": ("photo.png", "none.png")}, "no file"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_computed(pictures, monkeypatch, output, options, message):
    monkeypatch.setattr(inpaint.pipeline, "solve", lambda *arguments, **unused: pytest.fail("computed"))
    with pytest.raises(UserError, match=message):
        run(pictures[0], output, **options)
