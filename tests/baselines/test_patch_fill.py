"""Fills by combinations of similar patches: where they begin."""

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines import patch_fill
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.patch_fill import first_estimate, locally_linear

ROWS, COLUMNS = np.mgrid[:48, :51]
BAND = np.where(np.abs(ROWS - COLUMNS / 2 - 12) < 4, 0.8, 0.2)[..., None].astype(np.float32)
HOLE = (np.abs(ROWS - 24) > 8) | (np.abs(COLUMNS - 25) > 8)


def test_the_first_estimate_is_the_harmonic_fill_where_missing_pixels_are_scattered():
    mask = np.random.default_rng(0).random(ROWS.shape) < 0.5
    np.testing.assert_array_equal(first_estimate(BAND, mask), harmonic(BAND, mask))


def test_the_first_estimate_is_the_harmonic_fill_under_thin_scratches():
    mask = np.abs(ROWS - COLUMNS) > 2
    np.testing.assert_array_equal(first_estimate(BAND, mask), harmonic(BAND, mask))


@pytest.mark.parametrize("shape", [(1, 40), (15, 15)])
def test_the_first_estimate_is_the_harmonic_fill_in_small_pictures(shape):
    mask = np.ones(shape, bool)
    mask[:, 6:12] = False
    image = np.linspace(0, 1, mask.size, dtype=np.float32).reshape(*shape, 1)
    np.testing.assert_array_equal(first_estimate(image, mask), harmonic(image, mask))


def test_a_band_is_continued_through_a_hole_from_the_coarse_picture():
    hidden = np.where(HOLE[..., None], BAND, np.nan)
    start = first_estimate(hidden, HOLE)
    np.testing.assert_array_equal(start[HOLE], BAND[HOLE])
    first, last, smooth = (
        metrics.psnr(locally_linear(hidden, HOLE, rounds=rounds, start=begin), BAND, ~HOLE)
        for rounds, begin in ((1, start), (4, None), (4, harmonic(hidden, HOLE)))
    )
    assert last > smooth + 1
    assert first > smooth
    np.testing.assert_allclose(locally_linear(hidden, HOLE), locally_linear(hidden, HOLE, start=start), atol=1e-6)


def test_a_halved_picture_has_the_means_of_the_observed_pixels():
    image = np.arange(15, dtype=np.float32).reshape(3, 5, 1)
    mask = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 0]], bool)
    halved, seen = patch_fill._halved(np.where(mask[..., None], image, np.nan), mask)
    np.testing.assert_array_equal(halved[..., 0], [[3, 5, 0], [10.5, 12.5, 0]])
    np.testing.assert_array_equal(seen, [[True, True, False], [True, True, False]])


def test_a_doubled_picture_has_the_same_linear_slope_inside():
    slope = np.linspace(0, 1, 8, dtype=np.float32).reshape(1, 8, 1).repeat(6, axis=0)
    doubled = patch_fill._doubled(slope)
    assert doubled.shape == (12, 16, 1)
    np.testing.assert_allclose(np.diff(doubled[:, 1:-1, 0], axis=1), 1 / 14, atol=1e-6)
