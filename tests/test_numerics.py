"""The fast sine and the products of bfloat16 operands, compared with float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import numerics


@pytest.mark.parametrize(("limit", "tolerance"), [(30.0, 1e-6), (100.0, 8e-6), (2000.0, 1.3e-4)])
def test_fast_sine_and_its_derivative_against_float64(limit, tolerance):
    x = np.linspace(-limit, limit, 200_001, dtype=np.float32)
    sine, cosine = jax.jvp(numerics.fast_sine, (jnp.asarray(x),), (jnp.ones_like(x),))
    assert np.abs(sine - np.sin(x.astype(np.float64))).max() < tolerance
    assert np.abs(cosine - np.cos(x.astype(np.float64))).max() < tolerance


@pytest.mark.parametrize("order", [2, 3, 4])
def test_higher_derivatives_of_the_fast_sine_against_float64(order):
    derivative = numerics.fast_sine
    for _ in range(order):
        derivative = jax.grad(derivative)
    x = np.linspace(-30, 30, 4001, dtype=np.float32)
    exact = np.sin(x.astype(np.float64) + order * np.pi / 2)
    assert np.abs(jax.vmap(derivative)(x) - exact).max() < 1e-6


def test_a_reduction_by_pi_in_one_part_misses_the_tolerance():
    x = np.linspace(-30, 30, 200_001, dtype=np.float32)
    turns = np.round(x / np.float32(np.pi))
    naive = np.cos(np.pi * turns) * np.sin(x - turns * np.float32(np.pi))
    assert np.abs(naive - np.sin(x.astype(np.float64))).max() > 1e-6


def test_fast_sine_is_odd_and_exact_at_zero():
    x = jnp.linspace(0.0, 50.0, 1001)
    np.testing.assert_array_equal(numerics.fast_sine(-x), -numerics.fast_sine(x))
    assert numerics.fast_sine(jnp.zeros(())) == 0
    assert jax.grad(numerics.fast_sine)(jnp.zeros(())) == pytest.approx(1, abs=1e-6)


def test_reverse_mode_equals_forward_mode():
    x = jnp.linspace(-40.0, 40.0, 401)
    forward = jax.vmap(lambda t: jax.jvp(numerics.fast_sine, (t,), (1.0,))[1])(x)
    np.testing.assert_array_equal(jax.vmap(jax.grad(numerics.fast_sine))(x), forward)


def test_dot_bfloat16_and_its_gradients_against_float64(key):
    keys = jax.random.split(key, 3)
    x, w, g = (jax.random.normal(k, s) for k, s in zip(keys, [(96, 64), (64, 32), (96, 32)], strict=True))
    y, pull = jax.vjp(numerics.dot_bfloat16, x, w)
    exact = [np.asarray(a, np.float64) for a in (x @ w, g @ w.T, x.T @ g)]
    for got, want in zip([y, *pull(g)], exact, strict=True):
        error = np.linalg.norm(got - want) / np.linalg.norm(want)
        assert got.dtype == jnp.float32
        assert 1e-5 < error < 5e-3  # rounded operands: worse than float32, better than a bfloat16 sum


def test_sums_in_bfloat16_would_miss_that_tolerance(key):
    x = jax.random.uniform(key, (4, 4096)).astype(jnp.bfloat16)
    total = np.asarray(x, np.float64).sum(axis=1)
    ones = jnp.ones((4096, 1))
    assert np.abs(numerics.dot_bfloat16(x.astype(jnp.float32), ones)[:, 0] / total - 1).max() < 1e-6
    running, _ = jax.lax.scan(lambda s, column: (s + column, None), jnp.zeros(4, jnp.bfloat16), x.T)
    assert np.abs(np.asarray(running, np.float64) / total - 1).max() > 5e-3


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("avx2 amx_bf16", "bfloat16"), ("avx512f avx512_bf16", "bfloat16"), ("avx2 avx512f", "float32")],
)
def test_auto_chooses_bfloat16_for_processors_that_multiply_it_in_hardware(monkeypatch, flags, precision):
    monkeypatch.setattr("pathlib.Path.read_text", lambda *a, **k: f"flags : {flags}\n")
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert numerics.resolve_precision("auto") == precision
    assert numerics.resolve_precision("float32") == "float32"


def test_auto_is_bfloat16_on_accelerators_and_float32_on_unknown_processors(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", missing)
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert numerics.resolve_precision("auto") == "float32"
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert numerics.resolve_precision("auto") == "bfloat16"
