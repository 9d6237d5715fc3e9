"""Every test runs with shapes and types checked, and with broadcasting that must be spelt out."""

import contextlib
import os

# Programs here run for a moment: most of the time would go into making them fast. JAX reads it when it is imported.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# Commands in processes of their own neither read nor fill the cache of the user who runs the tests.
os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")

import jax
import jaxtyping
import pytest

jaxtyping.install_import_hook("inrr_jax", "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def double_precision():
    """A context in which JAX computes in 64 bits: jax.enable_x64, which not every version that we support has."""

    @contextlib.contextmanager
    def context():
        jax.config.update("jax_enable_x64", True)
        try:
            yield
        finally:
            jax.config.update("jax_enable_x64", False)

    return context
