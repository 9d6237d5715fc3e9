"""Every test runs with shapes and types checked, and with broadcasting that must be spelt out."""

import jax
import jaxtyping
import pytest

jaxtyping.install_import_hook("inrr_jax", "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    return jax.random.key(0)
