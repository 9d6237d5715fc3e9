"""Arrays: crops, channels, memory, and the values that are refused."""

import numpy as np
import pytest

from inrr_jax.data.arrays import Source, luma, parse_crop, read
from inrr_jax.errors import UserError


def source(array, **options):
    return Source(array.shape, array.dtype, lambda index: array[index], whole=False, **options)


@pytest.fixture
def array():
    return np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


@pytest.mark.parametrize(
    ("crop", "expected"),
    [
        ("", np.s_[:, :, :]),
        ("1:3", np.s_[1:3]),
        (":, 1:-1, ::2", np.s_[:, 1:-1, ::2]),
        (":60,:,-3:", np.s_[:, :, -3:]),
        ("2", np.s_[2]),
        (":,-1,0:4", np.s_[:, -1, 0:4]),
        (":,2:3", np.s_[:, 2]),
    ],
)
def test_a_crop_is_pythons(array, crop, expected):
    np.testing.assert_array_equal(read(source(array), crop=crop).values, array[expected][..., None])


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ("1:2,:,:,0", r"data.crop=1:2,:,:,0 has 4 parts: the grid of shape \(4, 5, 6\) has 3 axes"),
        ("a:b", "'a:b' is no range; give start:stop, start:stop:step, : or an index"),
        ("1:2:3:4", "'1:2:3:4' is no range"),
        (":,,1", "'' is no range"),
        ("::-1", "'::-1' is no range with a positive step"),
        ("::0", "'::0' is no range with a positive step"),
        ("9", "index 9 is outside the axis; give -4 to 3"),
        ("4:9", "4:9 keeps nothing of an axis of 4; give a range inside it"),
        ("1,2,3", r"keeps one entry of a grid of shape \(4, 5, 6\): give at least two"),
    ],
)
def test_crops_that_do_not_fit_are_refused(array, crop, message):
    with pytest.raises(UserError, match=message) as caught:
        read(source(array), crop=crop)
    assert "\n" not in str(caught.value)


def test_axes_of_one_entry_are_removed():
    assert parse_crop("", (3, 1, 4)) == (slice(0, 3, 1), 0, slice(0, 4, 1))
    assert read(source(np.zeros((3, 1, 4)))).values.shape == (3, 4, 1)


def test_the_spacing_follows_the_crop(array):
    signal = read(source(array, spacing=(1.0, 2.0, 3.0), length="mm", unit="K"), crop="::2,1,1:4")
    assert signal.spacing == (2.0, 3.0)
    assert (signal.length, signal.unit) == ("mm", "K")
    assert read(source(array)).spacing is None


def test_the_last_axis_may_hold_channels(array):
    assert read(source(array), channels=True).values.shape == (4, 5, 6)
    assert read(source(array, channels=True)).values.shape == (4, 5, 6)
    assert read(source(array, channels=True), channels=False).values.shape == (4, 5, 6, 1)
    assert read(source(array, channels=True), crop="0,1:3").values.shape == (2, 6)
    # A spacing has one number per axis of the grid, and no longer belongs to it.
    assert read(source(array, spacing=(1.0, 1.0, 1.0)), channels=True).spacing is None


def test_grey_is_the_luma_in_the_values_own_unit():
    colour = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    grey = read(source(colour, channels=True), grey=True).values
    np.testing.assert_allclose(grey[..., 0], [[76.245, 149.685], [29.07, 255]], rtol=1e-6)
    np.testing.assert_array_equal(luma(colour[..., :1]), colour[..., :1])


@pytest.mark.parametrize("dtype", [">i2", "<f4", ">f8", "uint8", "float16", "int64"])
def test_types_are_kept_in_native_byte_order(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    values = read(source(array)).values
    assert values.dtype == np.dtype(dtype).newbyteorder("=")
    assert values.dtype.isnative
    np.testing.assert_array_equal(values[..., 0], array)


@pytest.mark.parametrize(
    ("array", "channels", "message"),
    [
        (np.ones((2, 2), bool), None, "type bool: yes or no is no signal"),
        (np.ones((2, 2), complex), None, "type complex128: its values are no real numbers"),
        (np.array(["a"]), None, "type <U1: its values are no real numbers"),
        (np.array(1.0), None, r"shape \(\): it has no axis of a grid"),
        (np.ones(3), True, r"shape \(3,\): it has no axis of a grid"),
        (np.ones((3, 0)), None, r"an empty array of shape \(3, 0\)"),
        (np.full((2, 2), np.nan), None, "every value of the array is NaN"),
        (np.array([1.0, np.inf]), None, "infinite values in the array: replace them by NaN"),
    ],
)
def test_arrays_that_are_no_signals_are_refused(array, channels, message):
    with pytest.raises(UserError, match=message) as caught:
        read(source(array), channels=channels)
    assert "\n" not in str(caught.value)


def test_memory_is_checked_before_anything_is_read():
    def part(index):
        raise AssertionError("nothing may be read")

    huge = Source((10**6, 10**6), np.dtype(np.float64), part)
    with pytest.raises(
        UserError, match=r"shape \(1000000, 1000000\) needs about .* GB .* keep less of it with data.crop"
    ):
        read(huge)
    # A part would fit, but the file has to be read as a whole.
    with pytest.raises(UserError, match="GB"):
        read(huge, crop=":4,:4")
    with pytest.raises(AssertionError, match="nothing may be read"):
        read(huge._replace(whole=False), crop=":4,:4")


def test_a_large_use_of_memory_is_announced(array, monkeypatch, caplog):
    monkeypatch.setattr("inrr_jax.data.arrays._ANNOUNCED", 100)
    with caplog.at_level("INFO"):
        read(source(array))
    assert "an array of shape (4, 5, 6) needs about 0.0 GB of memory" in caplog.text
