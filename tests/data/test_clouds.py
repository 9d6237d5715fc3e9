"""Clouds: their rate, their shape, and their chance."""

import jax
import numpy as np
import pytest
from scipy.ndimage import label

from inrr_jax.data.masks.clouds import clouds


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
