"""Conditional normal distributions against the formula with an inverse, in float64."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.priors import normal

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_expected_values_and_variances_are_those_given_the_observations(size):
    count, channels = 5, 2
    roots = RNG.standard_normal((count, size, size))
    covariance = roots @ roots.swapaxes(1, 2)
    values, noise = RNG.standard_normal((channels, size, count)), RNG.uniform(0.1, 1, count)
    seen = RNG.random((size, count)) < 0.5
    arrays = np.moveaxis(covariance, 0, -1), values, seen, noise
    expected, variances = normal.given(*(jnp.asarray(x, jnp.float32) for x in arrays))
    for i in range(count):
        where = seen[:, i]
        noisy = covariance[i][np.ix_(where, where)] + noise[i] * np.eye(where.sum())
        gain = covariance[i][:, where] @ np.linalg.inv(noisy)
        np.testing.assert_allclose(expected[..., i], values[:, where, i] @ gain.T, atol=1e-4)
        np.testing.assert_allclose(variances[:, i], np.diag(covariance[i] - gain @ covariance[i][where]), atol=1e-4)


def test_nothing_changes_where_nothing_is_seen():
    covariance = jnp.broadcast_to(jnp.eye(3)[..., None], (3, 3, 2))
    expected, variances = normal.given(covariance, jnp.full((1, 3, 2), jnp.float32(9)), jnp.zeros((3, 2)), 0.1)
    np.testing.assert_array_equal(expected, 0)
    np.testing.assert_array_equal(variances, 1)
