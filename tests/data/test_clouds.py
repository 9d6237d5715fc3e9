"""Clouds: their rate, their shape, and their chance."""

import jax
import numpy as np
import pytest
from scipy.ndimage import label

from inrr_jax.data.masks import clouds as module
from inrr_jax.errors import UserError

clouds = jax.jit(module.clouds, static_argnums=1, static_argnames=("size", "duration", "axis"))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("shape", [(40,), (32, 48), (12, 10, 14)])
def test_the_rate_is_exact_up_to_one_pixel(rate, shape):
    missing = ~np.asarray(clouds(jax.random.key(0), shape, rate))
    assert abs(missing.sum() - rate * missing.size) <= 1


def test_larger_clouds_are_fewer():
    counts = [label(~np.asarray(clouds(jax.random.key(1), (64, 64), 0.3, size=size)))[1] for size in (1, 2, 5)]
    assert counts[0] > counts[1] > counts[2] >= 1


def test_keys_draw_different_clouds_and_the_same_key_the_same():
    first, second = (np.asarray(clouds(jax.random.key(seed), (32, 32), 0.5)) for seed in (0, 1))
    assert (first != second).mean() > 0.2
    np.testing.assert_array_equal(first, np.asarray(clouds(jax.random.key(0), (32, 32), 0.5)))


def changes(missing, axis):
    """Return the share of neighbours along an axis of which one alone is missing."""
    return np.mean(np.diff(missing.astype(int), axis=axis) != 0)


def test_the_duration_is_that_of_its_axis_alone():
    key, shape = jax.random.key(2), (24, 32, 32)
    isotropic, short, anew = (
        ~np.asarray(clouds(key, shape, 0.3, size=3, duration=duration, axis=0)) for duration in (-1, 1, 0)
    )
    assert changes(isotropic, 0) == pytest.approx(changes(isotropic, 1), rel=0.2)
    assert changes(isotropic, 0) < changes(short, 0) < changes(anew, 0)
    assert changes(short, 1) == pytest.approx(changes(isotropic, 1), rel=0.2)
    # Clouds that are drawn anew are independent: neighbours differ with probability 2 * 0.3 * 0.7.
    assert changes(anew, 0) == pytest.approx(0.42, abs=0.04)
    np.testing.assert_array_equal(isotropic, ~np.asarray(clouds(key, shape, 0.3, size=3, duration=3)))


def test_an_axis_beyond_the_grid_is_refused():
    with pytest.raises(UserError, match=r"mask\.axis=2 on a grid of shape \(4, 5\): give -2 to 1"):
        clouds(jax.random.key(0), (4, 5), 0.5, axis=2)
