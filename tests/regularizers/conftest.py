"""What the tests of the terms share: samples made by hand, and problems without contents."""

import jax.numpy as jnp
import pytest

from inrr_jax.fibers import Sample
from inrr_jax.operators.masking import Masking
from inrr_jax.problem import Domain, Problem


@pytest.fixture
def sample_of():
    """A function that makes a sample of values on the fibers of each axis."""

    def make(*along, adjacent=()):
        return Sample(tuple(along), tuple(adjacent), (), None)

    return make


@pytest.fixture
def problem_on():
    """A function that makes the problem of a zero signal on a grid, observed everywhere."""

    def make(*grid, channels=1):
        return Problem(Domain(grid, channels), Masking(jnp.ones(grid, bool)), jnp.zeros((*grid, channels)))

    return make
