"""Missing fibers and dead lines: their number, their shape, and the axes that they run along."""

import jax
import numpy as np
import pytest

from inrr_jax.data.masks.fibers import deadlines, fibers
from inrr_jax.errors import UserError


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_fibers_are_missing_as_a_whole_in_an_exact_number(axis, rate):
    missing = ~np.asarray(fibers(jax.random.key(0), (6, 7, 8), rate, axis))
    np.testing.assert_array_equal(missing.any(axis), missing.all(axis))
    assert missing.all(axis).sum() == pytest.approx(rate * missing.all(axis).size, abs=0.5)
    # Along the other axes, the fibers are neither rows nor slices.
    assert (missing.any(axis).sum(0) != missing.any(axis).sum(0)[0]).any()


@pytest.mark.parametrize(("axis", "line_axis", "along"), [(2, 1, 0), (-1, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_dead_lines_run_along_the_remaining_axis_of_some_slices(axis, line_axis, along):
    missing = ~np.asarray(deadlines(jax.random.key(1), (20, 30, 40), 0.09, axis))
    np.testing.assert_array_equal(missing.any(along), missing.all(along))
    assert missing.mean() == pytest.approx(0.09, abs=0.01)
    lines = np.moveaxis(missing, (axis, line_axis, along), (0, 1, 2))[..., 0]
    hit = lines.any(1)
    assert hit.mean() == pytest.approx(0.3, abs=0.03)
    counts = lines.sum(1)[hit]
    assert counts.min() == counts.max() > 1
    # Every slice has dead lines of its own.
    assert not (lines[hit] == lines[hit][0]).all()


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.6, 0.95])
def test_the_share_of_dead_lines_is_the_rate(rate):
    missing = ~np.asarray(deadlines(jax.random.key(2), (3, 50, 60), rate))
    assert missing.mean() == pytest.approx(rate, abs=0.01)


def test_dead_lines_need_two_axes():
    with pytest.raises(UserError, match=r"'deadlines' on a grid of shape \(9,\): it needs two axes or more"):
        deadlines(jax.random.key(0), (9,), 0.5)


@pytest.mark.parametrize("mode", [fibers, deadlines])
def test_an_axis_beyond_the_grid_is_refused(mode):
    with pytest.raises(UserError, match=r"mask\.axis=2 on a grid of shape \(4, 5\): give -2 to 1"):
        mode(jax.random.key(0), (4, 5), 0.5, 2)
