"""Every test runs with shapes and types checked, and with broadcasting that must be spelt out."""

import contextlib
import gc
import importlib.metadata
import os
from pathlib import Path

# Most programs here run for a moment, so that compiling them takes most of the time. JAX reads these variables when it
# is imported, in this process and in those of commands.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# The first two flags say how far the programs of `optimised_programs` are optimised. Without its newer emitters of
# fusions, XLA compiles twice as fast. JAX 0.12 has no others, and refuses the flag. Small programs are not worth the
# parts into which XLA splits them for its threads.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true"
    + " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    * (tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2])) < (0, 11)),
)
# All workers and commands share one cache, which is not that of the user who runs the tests. It outlives the run.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "programs"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import jax
import jaxtyping
import psutil
import pytest

jaxtyping.install_import_hook("inrr_jax", "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")

MEMORY = 3 * 2**30
"""Bytes that a process may take before it forgets its compiled programs."""


def pytest_collection_finish():
    """Look for garbage less often: tracing makes many objects, and hardly any of them is in a cycle."""
    gc.collect()
    gc.freeze()  # modules and tests stay
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def programs_within_memory():
    """Forget the compiled programs after a file of tests if they take too much: those of all files take gigabytes."""
    yield
    if psutil.Process().memory_info().rss > MEMORY:
        jax.clear_caches()


@pytest.fixture(scope="module")
def optimised_programs():
    """Programs that compute for longer than they take to compile: optimised, they take half of the time or less."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "0")  # in the processes of commands
        _set_disabled(False)
        yield
        _set_disabled(True)


def _set_disabled(value: bool):
    """Compile all programs anew, with or without optimisations, which change the last bits of results."""
    jax.config.update("jax_disable_most_optimizations", value)
    jax.clear_caches()


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
