import numpy as np
import pytest

import inrr_jax
from inrr_jax import metrics
from inrr_jax.errors import UserError
from inrr_jax.settings import FieldSettings, RegularizerSettings, TrainSettings

QUICK = inrr_jax.Settings(field=FieldSettings(width=32, depth=3, omega=5.0), train=TrainSettings(steps=200, fibers=6))


def example(channels=None, grid=(24, 20)):
    y, x = np.mgrid[: grid[0], : grid[1]] / max(grid)
    image = (0.5 + 0.4 * np.sin(4 * x + 2 * y)).astype(np.float32)
    missing = np.random.default_rng(0).random(grid) < 0.4
    return image if channels is None else np.stack([image, 1 - image, image**2, image][:channels], axis=-1), missing


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_a_smooth_picture_comes_back_and_observed_pixels_stay(channels):
    image, missing = example(channels)
    damaged = image.copy()
    damaged[missing] = np.nan
    filled = inrr_jax.inpaint(damaged, missing, settings=QUICK)
    assert filled.shape == image.shape
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[~missing], image[~missing])
    error = np.sqrt(np.mean((filled - image)[missing] ** 2))
    assert error < 0.05 < np.sqrt(np.mean((image[~missing].mean() - image[missing]) ** 2))


def test_what_lies_under_the_mask_changes_nothing():
    image, missing = example()
    filled = [inrr_jax.inpaint(np.where(missing, junk, image), missing, settings=QUICK) for junk in (0.0, 0.9)]
    np.testing.assert_array_equal(*filled)


def test_the_mask_marks_missing_pixels_as_in_scikit_image():
    from skimage.restoration import inpaint_biharmonic

    image, missing = example()
    ours, theirs = inrr_jax.inpaint(image, missing, settings=QUICK), inpaint_biharmonic(image, missing)
    np.testing.assert_array_equal(ours[~missing], theirs[~missing].astype(np.float32))
    assert (ours[missing] != image[missing]).all()


def test_integers_are_scaled_and_alpha_is_dropped():
    image, missing = example(4)
    filled = inrr_jax.inpaint(np.round(image * 255).astype(np.uint8), missing, settings=QUICK)
    assert filled.shape == (24, 20, 3)
    assert np.abs(filled - image[..., :3])[~missing].max() < 1 / 255


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image, missing: (image, missing[:-1]), r"shape \(23, 20\): give bool of shape \(24, 20\)"),
        (lambda image, missing: (image, missing.astype(float)), "float64.*give bool"),
        (lambda image, missing: (image, np.zeros_like(missing)), "nothing is missing"),
        (lambda image, missing: (image, np.ones_like(missing)), "nothing is observed"),
        (lambda image, missing: (image + 1, missing), r"floats must lie in \[0, 1\]"),
        (lambda image, missing: (np.where(missing, image, np.nan), missing), "(?i)nan"),
        (lambda image, missing: (image[:5], missing[:5]), "too small for train.fibers=6"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        inrr_jax.inpaint(*change(*example()), settings=QUICK)


def test_the_regularizer_helps_where_whole_lines_are_missing():
    image, missing = example(grid=(32, 32))
    missing = np.zeros_like(missing)
    missing[12:20] = True
    scores = []
    for name in ("inrr", "none"):
        settings = inrr_jax.Settings(
            field=FieldSettings(width=64, depth=4, omega=30.0),
            regularizer=RegularizerSettings(name=name, width=16, depth=3),
            train=TrainSettings(steps=300, fibers=8),
        )
        filled = inrr_jax.inpaint(image, missing, settings=settings)
        scores.append(float(metrics.psnr(filled[..., None], image[..., None], missing)))
    assert scores[0] > scores[1] + 1
