"""Parallel imaging off the grid: its adjoint and gradient, other implementations, readouts that are held out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data.scanner import spokes
from inrr_jax.operators.fourier import ParallelImaging, to_complex
from inrr_jax.operators.imaging import nonuniform
from inrr_jax.operators.imaging.nonuniform import NonUniformImaging, waves

RNG = np.random.default_rng(0)
SHAPE, COILS, READOUTS, SAMPLES = (12, 9), 3, 5, 7


@pytest.fixture(params=["exact", "fast"], autouse=True)
def sums(request, monkeypatch):
    """Compute the sums by matrix products, and by jax-finufft."""
    if request.param == "fast":
        pytest.importorskip("jax_finufft")
    monkeypatch.setattr(nonuniform, "has_finufft", lambda: request.param == "fast")


def normal(*shape):
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


IMAGE, MAPS = normal(*SHAPE, 2), normal(*SHAPE, 2 * COILS)
FREQUENCIES = RNG.uniform(-0.5, 0.5, size=(READOUTS, SAMPLES, 2)).astype(np.float32)
KEPT = np.array([True, False, True, True, True]).reshape(1, -1, 1, 1)


def direct(images, frequencies):
    """Return the sums in float64, one exponential for each sample and pixel."""
    places = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in images.shape[1:]), indexing="ij"), -1)
    turns = np.tensordot(frequencies.astype(np.float64), places, axes=(-1, -1))
    return np.tensordot(images, np.exp(-2j * np.pi * turns), axes=((1, 2), (2, 3))) / np.sqrt(images[0].size)


def test_the_adjoint_passes_the_dot_test():
    operator = NonUniformImaging(maps=MAPS, kept=KEPT, frequencies=FREQUENCIES)
    measured = normal(COILS, READOUTS, SAMPLES, 2)
    predicted, pull = jax.vjp(jax.jit(operator.apply), IMAGE)
    forth, back = float(jnp.vdot(predicted, measured)), float(jnp.vdot(IMAGE, pull(measured)[0]))
    assert forth == pytest.approx(back, rel=1e-5)
    assert not predicted[:, 1].any()


def test_the_gradient_agrees_with_differences_for_image_and_maps(double_precision):
    with double_precision():
        values = jnp.concatenate([IMAGE, MAPS], axis=-1).astype(jnp.float64)
        operator = NonUniformImaging(kept=KEPT, frequencies=FREQUENCIES.astype(np.float64))
        measured, direction = (jnp.asarray(RNG.normal(size=s)) for s in ((COILS, READOUTS, SAMPLES, 2), values.shape))

        def loss(step):
            return operator.distance(values + step * direction, measured)

        found = jax.jit(jax.value_and_grad(loss))
        difference = float((found(1e-5)[0] - found(-1e-5)[0]) / 2e-5)
        assert float(found(0.0)[1]) == pytest.approx(difference, rel=1e-6)


def test_the_sums_agree_with_one_exponential_per_pixel():
    images = np.asarray(to_complex(IMAGE) * to_complex(MAPS))
    found = NonUniformImaging(maps=MAPS, frequencies=FREQUENCIES).apply(IMAGE)
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], direct(images, FREQUENCIES), atol=2e-5)


def test_the_frequencies_of_the_grid_give_the_transform_of_the_grid():
    axes = ((np.arange(n) - n // 2) / n for n in SHAPE)
    frequencies = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype(np.float32)
    found = NonUniformImaging(maps=MAPS, frequencies=frequencies).apply(IMAGE)
    np.testing.assert_allclose(found, ParallelImaging(maps=MAPS).apply(IMAGE), atol=2e-5)


def test_exponentials_far_from_the_middle_are_exact():
    frequencies = np.linspace(-0.5, 0.5, 101, dtype=np.float32)
    expected = np.exp(-2j * np.pi * np.outer(frequencies.astype(np.float64), np.arange(600) - 300))
    np.testing.assert_allclose(waves(jnp.asarray(frequencies), 600), expected, atol=1e-4)


@pytest.mark.slow  # sigpy compiles for ten seconds
def test_the_sums_agree_with_sigpy():
    sigpy = pytest.importorskip("sigpy")
    images = to_complex(IMAGE) * to_complex(MAPS)
    expected = sigpy.nufft(np.asarray(images), FREQUENCIES * np.array(SHAPE), oversamp=2, width=8)
    found = NonUniformImaging(maps=MAPS, frequencies=FREQUENCIES).spectrum(images)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_readouts_are_held_out_over_all_coils():
    operator = NonUniformImaging(kept=KEPT, frequencies=FREQUENCIES)
    fitted, held = operator.hold_out((COILS, READOUTS, SAMPLES, 2), seed=0, share=0.25)
    assert fitted.kept.shape == KEPT.shape
    np.testing.assert_array_equal(fitted.kept | held.kept, KEPT)
    assert held.kept.sum() == 1


def test_sampled_frequencies_are_those_of_the_grid_that_are_nearest():
    operator = NonUniformImaging(frequencies=spokes(1, 8), kept=np.ones((1, 1, 1, 1), bool))
    expected = np.zeros((8, 8), bool)
    expected[4] = True
    np.testing.assert_array_equal(operator.sampled((8, 8)), expected)
