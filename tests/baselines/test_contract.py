"""Every fill fulfils the contract: observed values are kept, the range is [0, 1], and the missing truth is not used."""

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.errors import UserError


def assert_keeps_observed_stays_in_range_and_beats_a_constant(filled, image, mask):
    assert filled.shape == image.shape
    assert filled.dtype == np.float32
    assert filled.min() >= 0
    assert filled.max() <= 1
    np.testing.assert_array_equal(filled[mask], image[mask])
    constant = np.full_like(image, image[mask].mean())
    assert metrics.psnr(filled, image, ~mask) > metrics.psnr(constant, image, ~mask)


def test_fill_of_a_colour_picture(fill, picture):
    image, mask = picture(13, 16, 3)
    assert_keeps_observed_stays_in_range_and_beats_a_constant(fill(image, mask), image, mask)


def test_fill_of_a_grey_picture_does_not_look_at_the_missing_truth(fill, picture):
    image, mask = picture(13, 16)
    filled = fill(image, mask)
    assert_keeps_observed_stays_in_range_and_beats_a_constant(filled, image, mask)
    poisoned = np.where(mask[..., None], image, np.nan).astype(np.float32)
    np.testing.assert_array_equal(fill(poisoned, mask), filled)
    changed = np.where(mask[..., None], 1 - image, image).astype(np.float32)
    assert not np.allclose(fill(changed, mask)[~mask], filled[~mask])


@pytest.mark.parametrize(
    "shape", [(1, 2), (5, 1), (3, 2), (4, 5), *(pytest.param(s, marks=pytest.mark.slow) for s in ((1, 7), (2, 2)))]
)
def test_fill_of_a_tiny_picture(fill, picture, shape):
    image, mask = picture(*shape)
    filled = fill(image, mask)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[mask], image[mask])


def test_fill_of_one_observed_pixel_and_of_all(fill, picture):
    image, mask = picture(6, 6)
    assert np.isfinite(fill(image, np.arange(36).reshape(6, 6) == 14)).all()
    np.testing.assert_array_equal(fill(image, np.ones_like(mask)), image)


def test_fill_refuses_a_mask_without_observed_pixels(fill, picture):
    image, mask = picture(6, 6)
    with pytest.raises(UserError, match="at least one"):
        fill(image, np.zeros_like(mask))
