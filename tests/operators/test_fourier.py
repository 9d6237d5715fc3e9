"""Parallel imaging: its adjoint and gradient, other implementations, lines that are held out together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators.fourier import ParallelImaging, inverse, normalised, to_channels, to_complex, transform

RNG = np.random.default_rng(0)
SHAPE, COILS = (12, 9), 3


def normal(*shape):
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


def lines(sampled, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[list(sampled)] = True
    return mask[None, :, :, None]


IMAGE, MAPS = normal(*SHAPE, 2), normal(*SHAPE, 2 * COILS)
SAMPLED = lines((0, 3, 5, 6, 7, 10))


def test_the_adjoint_passes_the_dot_test():
    operator = ParallelImaging(maps=MAPS, kept=SAMPLED)
    measured = normal(COILS, *SHAPE, 2)
    predicted, pull = jax.vjp(jax.jit(operator.apply), IMAGE)
    forth, back = float(jnp.vdot(predicted, measured)), float(jnp.vdot(IMAGE, pull(measured)[0]))
    assert forth == pytest.approx(back, rel=1e-5)
    spectrum = jnp.where(SAMPLED[..., 0], to_complex(measured[..., 0].transpose(1, 2, 0).repeat(2, -1)), 0)
    combined = jnp.sum(jnp.conj(to_complex(MAPS)) * inverse(spectrum), axis=0)
    expected = pull(jnp.stack([spectrum.real, spectrum.imag], -1))[0]
    np.testing.assert_allclose(to_channels(combined[None]), expected, atol=2e-5)


def test_the_gradient_agrees_with_differences_for_image_and_maps(double_precision):
    with double_precision():
        values = jnp.concatenate([IMAGE, MAPS], axis=-1).astype(jnp.float64)
        operator, measured = ParallelImaging(kept=SAMPLED), jnp.asarray(RNG.normal(size=(COILS, *SHAPE, 2)))
        direction = jnp.asarray(RNG.normal(size=values.shape))

        def loss(step):
            return operator.distance(values + step * direction, measured)

        found = jax.jit(jax.value_and_grad(loss))
        difference = float((found(1e-5)[0] - found(-1e-5)[0]) / 2e-5)
        assert float(found(0.0)[1]) == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("shape", [(12, 9), (7, 8)])
def test_the_transform_agrees_with_numpy(shape):
    image = RNG.normal(size=(2, *shape)) + 1j * RNG.normal(size=(2, *shape))
    expected = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, axes=(1, 2))), axes=(1, 2)) / np.sqrt(np.prod(shape))
    found = transform(jnp.asarray(image, jnp.complex64))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(inverse(found), image, atol=1e-5)


def test_k_space_agrees_with_sigpy():
    mri = pytest.importorskip("sigpy.mri")
    image, maps = np.asarray(to_complex(IMAGE))[0], np.asarray(to_complex(MAPS))
    expected = mri.linop.Sense(maps, weights=SAMPLED[0, :, :, 0].astype(np.float32)) * image
    found = ParallelImaging(maps=MAPS, kept=SAMPLED).apply(IMAGE)
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], expected, atol=1e-5)


def test_maps_of_the_signal_count_up_to_a_factor_at_each_place():
    operator, factor = ParallelImaging(), jnp.exp(normal(*SHAPE, 1))
    joint = operator.apply(jnp.concatenate([IMAGE, MAPS], axis=-1))
    scaled = operator.apply(jnp.concatenate([IMAGE, factor * MAPS], axis=-1))
    np.testing.assert_allclose(joint, scaled, atol=1e-5)
    np.testing.assert_allclose(joint, ParallelImaging(maps=normalised(MAPS)).apply(IMAGE), atol=1e-5)
    images = operator.coil_images(jnp.concatenate([IMAGE, MAPS], axis=-1))
    np.testing.assert_allclose(jnp.sum(jnp.abs(images) ** 2, 0), jnp.abs(to_complex(IMAGE)[0]) ** 2, rtol=1e-4)


def test_channels_of_complex_images():
    np.testing.assert_array_equal(to_channels(to_complex(MAPS)), MAPS)
    assert to_complex(MAPS)[1, 2, 3] == MAPS[2, 3, 2] + 1j * MAPS[2, 3, 3]


@pytest.mark.parametrize("transposed", [False, True])
def test_lines_are_held_out_over_all_coils_and_those_in_the_middle_never(transposed):
    kept = SAMPLED.swapaxes(1, 2) if transposed else SAMPLED
    shape = (COILS, *kept.shape[1:3], 2)
    fitted, held = ParallelImaging(kept=kept).hold_out(shape, seed=1, share=0.3)
    assert fitted.kept.shape == held.kept.shape == kept.shape
    np.testing.assert_array_equal(fitted.kept | held.kept, kept)
    rows = (held.kept.swapaxes(1, 2) if transposed else held.kept)[0, :, :, 0]
    assert rows.all(axis=1).sum() == rows.any(axis=1).sum() == 1
    assert set(np.flatnonzero(rows[:, 0])) <= {0, 3, 10}


def test_single_samples_are_held_out_where_the_mask_has_no_lines():
    kept = (RNG.uniform(size=(1, *SHAPE, 1)) < 0.5) | (np.abs(np.arange(12) - 6)[:, None, None] < 2)
    numbers = ParallelImaging(kept=kept).units((COILS, *SHAPE, 2))
    assert (numbers[~kept] == -1).all()
    assert sorted(numbers[numbers >= 0]) == list(range(numbers.max() + 1))


def test_all_lines_can_be_held_out_where_all_are_sampled():
    numbers = ParallelImaging().units((COILS, *SHAPE, 2))
    np.testing.assert_array_equal(numbers[0, :, :, 0], np.arange(12)[:, None].repeat(9, axis=1))


def test_a_signal_without_maps_is_refused():
    with pytest.raises(UserError, match="2 channels for ParallelImaging without maps"):
        ParallelImaging().apply(IMAGE)
