"""Uploads: what is read, what is made smaller, and what is refused in one clear line."""

import io

import numpy as np
import pytest
from PIL import Image

from inrr_jax.app import uploads
from inrr_jax.app.uploads import Limits
from inrr_jax.errors import UserError

RAMP = (np.linspace(0, 1, 40 * 30 * 3).reshape(40, 30, 3) * 255).astype(np.uint8)


def file_of(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=kind)
    return file.getvalue()


def test_a_picture_is_read_as_it_is_or_made_smaller():
    whole = uploads.read_picture(file_of(RAMP), "ramp.png", 0, Limits())
    np.testing.assert_array_equal(whole, RAMP.astype(np.float32) / 255)
    small = uploads.read_picture(file_of(RAMP), "ramp.png", 20, Limits())
    assert small.shape == (20, 15, 3)
    assert abs(small.mean() - whole.mean()) < 0.01
    assert uploads.read_picture(file_of(RAMP), "ramp.png", 99, Limits()).shape == (40, 30, 3)


@pytest.mark.parametrize(
    ("content", "limits", "message"),
    [
        (b"", Limits(), "is empty"),
        (b"hello", Limits(), r"'f.png' is no picture"),
        (file_of(RAMP)[:200], Limits(), "cannot read 'f.png'"),
        (file_of(RAMP), Limits(megabytes=1e-4), "0.0 MB: choose one of at most 0.0001 MB"),
        (file_of(RAMP), Limits(megapixels=1e-3), "megapixels: choose a smaller size, of at most 0.001"),
        (file_of(np.zeros((7100, 7100), bool)), Limits(), "has 50 megapixels: make it smaller"),
    ],
)
def test_what_is_refused_is_named(content, limits, message):
    with pytest.raises(UserError, match=message) as caught:
        uploads.read_picture(content, "f.png", 0, limits)
    assert "\n" not in str(caught.value)


def test_paint_and_mask_are_inverse():
    observed = np.random.default_rng(0).random((6, 9)) < 0.5
    np.testing.assert_array_equal(uploads.read_mask(uploads.paint(observed), (6, 9)), observed)


def test_pixels_are_missing_if_half_of_them_is_painted():
    paint = np.zeros((4, 4, 4), np.uint8)
    paint[1, 1:4, 3] = 255, 128, 127
    np.testing.assert_array_equal(np.argwhere(~uploads.read_mask(file_of(paint), (4, 4))), [[1, 1], [1, 2]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (uploads.paint(np.ones((4, 5), bool)), "nothing is painted"),
        (uploads.paint(np.zeros((4, 5), bool)), "everything is painted"),
        (uploads.paint(np.eye(4, dtype=bool)), "4 x 4 pixels: send RGBA of 5 x 4"),
        (file_of(RAMP), "RGB of 30 x 40"),
        (b"no picture", "is no picture"),
    ],
)
def test_wrong_paint_is_refused(content, message):
    with pytest.raises(UserError, match=message):
        uploads.read_mask(content, (4, 5))


def test_pictures_are_written_as_png():
    image = RAMP.astype(np.float32) / 255
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(uploads.png(image)))), RAMP)
    mask = np.eye(5, dtype=bool)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(uploads.png(mask)))), 255 * mask)
