import jax
import numpy as np
import pytest

from inrr_jax.fields.parts.layers import symmetric_uniform


@pytest.mark.parametrize("shape", [(1,), (3, 5, 7), (200, 330)])
def test_parameters_are_the_numbers_that_their_own_shape_draws_also_when_mapped(key, shape):
    keys = jax.random.split(key, 2)
    mapped = jax.vmap(lambda one: symmetric_uniform(0.3)(one, shape))(keys)
    for one, values in zip(keys, mapped, strict=True):
        expected = jax.random.uniform(one, shape, minval=-0.3, maxval=0.3)
        np.testing.assert_array_equal(symmetric_uniform(0.3)(one, shape), expected)
        np.testing.assert_array_equal(values, expected)
