"""Inpainting in one call: what comes back, what is not used, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import inrr_jax
from inrr_jax import metrics
from inrr_jax.errors import UserError
from inrr_jax.fields import siren
from inrr_jax.recipes import pipeline, stacking
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import TrainSettings

pytestmark = pytest.mark.usefixtures("quick_fills")

QUICK = inrr_jax.Settings(field=siren.Config(width=32, depth=3, omega=5.0), train=TrainSettings(steps=200, fibers=6))
SHORT = inrr_jax.Settings(
    field=siren.Config(width=8, depth=1),
    regularizer=RegularizerSettings(name="none"),
    train=TrainSettings(steps=2, fibers=6),
)


def example(channels=None, grid=(24, 20)):
    y, x = np.mgrid[: grid[0], : grid[1]] / max(grid)
    image = (0.5 + 0.4 * np.sin(4 * x + 2 * y)).astype(np.float32)
    missing = np.random.default_rng(0).random(grid) < 0.4
    return image if channels is None else np.stack([image, 1 - image, image**2, image][:channels], axis=-1), missing


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_a_smooth_picture_is_recovered_and_observed_pixels_stay(channels):
    image, missing = example(channels)
    damaged = image.copy()
    damaged[missing] = np.nan
    filled = inrr_jax.inpaint(damaged, missing, settings=QUICK)
    assert filled.shape == image.shape
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[~missing], image[~missing])
    error = np.sqrt(np.mean((filled - image)[missing] ** 2))
    assert error < 0.05 < np.sqrt(np.mean((image[~missing].mean() - image[missing]) ** 2))


@pytest.mark.parametrize("share", [0.4, 0.9])
def test_the_default_recipe_fits_no_network(monkeypatch, share):
    fitted = []
    monkeypatch.setattr(
        pipeline, "solve", lambda problem, settings, **unused: fitted.append(settings) or problem.measurements
    )
    image, _ = example(grid=(16, 15))
    missing = np.random.default_rng(1).random((16, 15)) < share
    found = inrr_jax.inpaint(image, missing)
    np.testing.assert_array_equal(found, stacking.grouped(image[..., None], ~missing)[..., 0])
    assert not fitted
    inrr_jax.inpaint(image, missing, settings=inrr_jax.RECIPE)
    assert fitted == [inrr_jax.RECIPE]


def test_values_under_the_mask_have_no_effect():
    image, missing = example()
    filled = [inrr_jax.inpaint(np.where(missing, junk, image), missing, settings=QUICK) for junk in (0.0, 0.9)]
    np.testing.assert_array_equal(*filled)


def test_the_mask_marks_missing_pixels_as_in_scikit_image():
    from skimage.restoration import inpaint_biharmonic

    image, missing = example()
    ours, theirs = inrr_jax.inpaint(image, missing, settings=QUICK), inpaint_biharmonic(image, missing)
    np.testing.assert_array_equal(ours[~missing], theirs[~missing].astype(np.float32))
    assert (ours[missing] != image[missing]).all()


def test_integers_are_scaled_and_alpha_is_kept():
    image, missing = example(4)
    filled = inrr_jax.inpaint(np.round(image * 255).astype(np.uint8), missing, settings=QUICK)
    assert filled.shape == (24, 20, 4)
    assert np.abs(filled - image)[~missing].max() < 1 / 255
    np.testing.assert_allclose(filled[..., 3], image[..., 3], atol=1 / 255)
    filled, deviation = inrr_jax.inpaint(image, missing, settings=SHORT, ensemble=2, return_std=True)
    assert filled.shape == deviation.shape == (24, 20, 4)
    assert not deviation[..., 3].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image, missing: (image, missing[:-1]), r"shape \(23, 20\): give bool of shape \(24, 20\)"),
        (lambda image, missing: (image, missing.astype(float)), "float64.*give bool"),
        (lambda image, missing: (image, np.zeros_like(missing)), "nothing is missing: the mask must be True somewhere"),
        (
            lambda image, missing: (image, np.ones_like(missing)),
            "nothing is observed: the mask must be False somewhere",
        ),
        (lambda image, missing: ("photo.png", missing), r"a picture of shape \(\): give \[H, W\]"),
        (lambda image, missing: (image[0], missing[0]), r"a picture of shape \(20,\)"),
        (lambda image, missing: (image[:0], missing[:0]), "an empty picture"),
        (lambda image, missing: (image + 1, missing), r"floats must lie in \[0, 1\]"),
        (lambda image, missing: (np.where(missing, image, np.nan), missing), "(?i)nan"),
        (lambda image, missing: (image[:5], missing[:5]), "too small for train.fibers=6"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        inrr_jax.inpaint(*change(*example()), settings=QUICK)


@pytest.mark.slow
def test_the_regularizer_helps_where_whole_lines_are_missing():
    image, missing = example(grid=(32, 32))
    missing = np.zeros_like(missing)
    missing[12:20] = True
    scores = []
    for name in ("inrr", "none"):
        settings = inrr_jax.Settings(
            field=siren.Config(width=32, depth=3, omega=30.0),
            regularizer=RegularizerSettings(name=name, inrr=inrr.Config(width=16, depth=2)),
            train=TrainSettings(steps=300, fibers=8),
        )
        filled = inrr_jax.inpaint(image, missing, settings=settings)
        scores.append(float(metrics.psnr(filled[..., None], image[..., None], missing)))
    assert scores[0] > scores[1] + 1


def test_returned_arrays_are_writable_and_share_no_memory_with_the_input():
    image, missing = example()
    before = image.copy()
    results = [inrr_jax.inpaint(image, missing, settings=SHORT)]
    results += inrr_jax.inpaint(image, missing, settings=SHORT, ensemble=2, return_std=True)
    for array in results:
        assert array.flags.writeable
        array[:] = 7
    np.testing.assert_array_equal(image, before)


REFUSALS = """
import numpy as np, inrr_jax
image, missing = np.full((12, 12), 0.5), np.eye(12, dtype=bool)
cases = [
    *({"ensemble": value} for value in (2.0, "2", None, 0, -1, True)),
    {"ensemble": 1, "return_std": True},
    *({"settings": value} for value in ({"seed": 1}, "best", inrr_jax.Settings)),
    {"ensemble": 2**40},
    {"image": [[0.1, 0.2], [0.3]]},
]
for case in cases:
    try:
        inrr_jax.inpaint(**{"image": image, "mask": missing, **case})
    except inrr_jax.errors.UserError as error:
        print(error)
    else:
        print("accepted", case)
"""


def test_wrong_arguments_are_refused_in_one_line():
    """In a process of its own, because the type checks of the tests would refuse them before the package does."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", REFUSALS]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=True)
    lines = found.stdout.splitlines()
    assert lines[:6] == [
        f"ensemble={value!r} is out of range: give a whole number of at least 1"
        for value in (2.0, "2", None, 0, -1, True)
    ]
    assert lines[6] == "ensemble=1 is out of range: give a whole number of at least 2 with return_std"
    assert lines[7:9] == [
        f"settings={value!r} is no Settings: give inrr_jax.Settings(...) or None" for value in ({"seed": 1}, "best")
    ]
    assert lines[9].endswith(" is no Settings: give inrr_jax.Settings(...) or None")
    assert lines[10] == "1099511627776 fits from seed 0 on: give at most 10000, with seeds up to 4294967295"
    assert lines[11].startswith("the picture is no array")
    assert len(lines) == 12


def test_a_picture_that_must_not_be_written_to_comes_back_writable():
    image, missing = example()
    image.flags.writeable = missing.flags.writeable = False
    filled = inrr_jax.inpaint(image, missing, settings=SHORT)
    filled[0, 0] = 0.5
    assert filled[0, 0] == 0.5
