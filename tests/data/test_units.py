"""Units: the map, its inverse, and what is observed."""

import numpy as np
import pytest

from inrr_jax.data import units
from inrr_jax.data.units import Units, units_of
from inrr_jax.errors import UserError


def everything(values):
    return np.ones(values.shape[:-1], bool)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64])
def test_observed_values_span_the_unit_interval_and_return(dtype):
    values = np.arange(3, 100, dtype=dtype).reshape(-1, 1)
    own = units_of(values, everything(values))
    unit = own.to_unit(values)
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == (0, 1)
    back = own.to_own(unit, dtype)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, values, rtol=1e-3 if dtype == np.float16 else 1e-6)


def test_missing_values_are_not_looked_at():
    values = np.array([[2.0], [np.nan], [4.0], [np.inf], [900.0]])
    observed = np.array([True, False, True, False, False])
    own = units_of(values, observed)
    assert (own.offset, own.scale) == (2, 2)
    np.testing.assert_array_equal(own.to_unit(values)[:, 0], [0, np.nan, 1, np.inf, 449])


def test_a_huge_offset_keeps_the_digits_of_float64():
    small = np.linspace(0, 1e-3, 50)[:, None]
    values = 1e6 + small
    own = units_of(values, everything(values))
    np.testing.assert_allclose(own.to_unit(values), small / 1e-3, atol=1e-6)
    # In float32 itself, the neighbours of 1e6 are 0.06 apart.
    assert len(np.unique(values.astype(np.float32))) == 1
    np.testing.assert_allclose(own.to_own(own.to_unit(values)) - 1e6, small, atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 7.0, -1e9, 1e-12])
def test_constant_values_become_one_half(constant):
    values = np.full((4, 5, 1), constant)
    own = units_of(values, everything(values))
    np.testing.assert_array_equal(own.to_unit(values), np.float32(0.5))
    np.testing.assert_allclose(own.to_own(own.to_unit(values)), constant, rtol=1e-12)
    assert own.scale > 0


def test_channels_have_one_map_or_one_each():
    values = np.array([[0.0, 100.0], [1.0, 300.0]])
    together, each = (units_of(values, everything(values), per_channel=flag) for flag in (False, True))
    np.testing.assert_array_equal(together.to_unit(values), np.float32(values / 300))
    np.testing.assert_array_equal(each.to_unit(values), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(each.to_own(np.float32([[0.5, 0.5]])), [[0.5, 200]])


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.uint8, [0, 2, 255]), (np.int8, [-3, 2, 127]), (np.int64, [-3, 2, 1000])]
)
def test_integers_are_rounded_and_stay_in_their_range(dtype, expected):
    own = Units(np.zeros(1), np.ones(1))
    np.testing.assert_array_equal(own.to_own(np.array([[-3.2], [1.6], [1e3]]), dtype)[:, 0], expected)
    beyond = own.to_own(np.array([[-1e30], [1e30]]), dtype)[:, 0]
    assert beyond[0] == np.iinfo(dtype).min
    assert beyond[1] > 0.99 * np.iinfo(dtype).max


def test_blocks_equal_the_whole(monkeypatch):
    values = np.random.default_rng(0).normal(size=(7, 9, 2))
    own = units_of(values, everything(values))
    whole = own.to_unit(values)
    monkeypatch.setattr(units, "_BLOCK", 10)
    np.testing.assert_array_equal(own.to_unit(values), whole)


@pytest.mark.parametrize(
    ("values", "observed", "message"),
    [
        ([[1.0], [2.0]], [False, False], "nothing is observed"),
        ([[1.0], [np.nan]], [True, True], "NaN or infinite values among the observed"),
        ([[1.0], [-np.inf]], [True, True], "NaN or infinite values among the observed"),
        ([[1.7e308], [-1.7e308]], [True, True], r"values from -1.7e\+308 to 1.7e\+308: their range overflows"),
    ],
)
def test_values_without_a_range_are_refused(values, observed, message):
    with pytest.raises(UserError, match=message) as caught:
        units_of(np.array(values), np.array(observed))
    assert "\n" not in str(caught.value)


def test_nan_is_no_integer():
    with pytest.raises(UserError, match="NaN among values to convert to uint8: fill them first"):
        Units(np.zeros(1), np.ones(1)).to_own(np.array([[np.nan]]), np.uint8)
