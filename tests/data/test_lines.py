"""Missing slices and gaps: their number, their places, and their axis."""

import jax
import numpy as np
import pytest

from inrr_jax.data.masks.lines import columns, gap, rows, slices
from inrr_jax.errors import UserError

SHAPE = (6, 20, 9)


def along(mask, axis):
    """Return whether each slice is observed, after a check that slices are whole."""
    others = tuple(a for a in range(mask.ndim) if a != axis % mask.ndim)
    np.testing.assert_array_equal(mask.all(others), mask.any(others))
    return mask.all(others)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("mode", [slices, gap])
def test_whole_slices_of_one_axis_are_missing(mode, axis):
    observed = along(np.asarray(mode(jax.random.key(0), SHAPE, 0.4, axis)), axis)
    assert (~observed).sum() == round(0.4 * SHAPE[axis])


def test_slices_of_the_first_and_last_axis_are_rows_and_columns():
    key = jax.random.key(3)
    np.testing.assert_array_equal(rows(key, SHAPE, 0.5), slices(key, SHAPE, 0.5, 0))
    np.testing.assert_array_equal(columns(key, SHAPE, 0.5), slices(key, SHAPE, 0.5))


def test_a_gap_lies_between_observed_slices_and_reaches_every_place():
    starts = set()
    for seed in range(40):
        observed = along(np.asarray(gap(jax.random.key(seed), (3, 8), 0.4)), -1)
        missing = np.flatnonzero(~observed)
        assert np.ptp(missing) == len(missing) - 1 == 2
        assert observed[0]
        assert observed[-1]
        starts.add(int(missing[0]))
    assert starts == {1, 2, 3, 4}


@pytest.mark.parametrize("rate", [0.76, 0.99])
def test_a_gap_leaves_the_first_slice(rate):
    observed = along(np.asarray(gap(jax.random.key(0), (4, 2), rate, 0)), 0)
    np.testing.assert_array_equal(observed, [True, False, False, False])


@pytest.mark.parametrize("mode", [slices, gap])
def test_an_axis_beyond_the_grid_is_refused(mode):
    with pytest.raises(UserError, match=r"mask\.axis=-4 on a grid of shape \(6, 20, 9\): give -3 to 2"):
        mode(jax.random.key(0), SHAPE, 0.5, -4)
