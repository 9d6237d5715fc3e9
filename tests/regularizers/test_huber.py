"""The Huber energy: a double loop, its two limits, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.regularizers.huber import huber
from inrr_jax.regularizers.variation import tv_anisotropic

FIBERS = jnp.asarray(np.random.default_rng(0).random((3, 7, 2)), jnp.float32)


def test_it_is_the_double_loop():
    total, delta = 0.0, 0.3
    for fiber in np.asarray(FIBERS):
        for first, second in zip(fiber[:-1], fiber[1:], strict=True):
            for difference in np.abs(second - first):
                total += difference - delta / 2 if difference > delta else difference**2 / (2 * delta)
    assert huber(FIBERS, delta) == pytest.approx(total / FIBERS.size, rel=1e-5)


def test_it_tends_to_total_variation_and_is_quadratic_for_small_differences():
    assert huber(FIBERS, 1e-6) == pytest.approx(float(tv_anisotropic(FIBERS)), rel=1e-4)
    assert huber(2 * FIBERS, 10.0) == pytest.approx(4 * float(huber(FIBERS, 10.0)), rel=1e-5)


def test_its_gradient_is_finite_and_bounded_where_neighbours_are_equal():
    gradient = jax.grad(huber)(jnp.ones((2, 5, 1)), 0.1)
    np.testing.assert_array_equal(gradient, 0)
