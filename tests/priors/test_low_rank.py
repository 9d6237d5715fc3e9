"""The low-rank denoiser: its projectors, the reassembly of patches, and its gain on a noisy texture."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.priors import low_rank, patch_groups
from inrr_jax.priors.patch_groups import Geometry

RNG = np.random.default_rng(0)
GEOMETRY = Geometry(side=4, spacing=3, radius=8, members=24)


def texture(shape=(30, 27)):
    """Return a texture that repeats every 5 rows and every 4 columns."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (0.3 + 0.1 * (rows % 5) + 0.05 * (columns % 4))[..., None].astype(np.float32)


def denoised(image, noise, weighted=True):
    image = jnp.asarray(image)
    return np.asarray(low_rank.denoise(image, patch_groups.find(image, GEOMETRY), noise, GEOMETRY, weighted))


@pytest.mark.parametrize("threshold", [0.3, 5.0])
def test_the_projector_is_that_of_the_eigenvectors_above_the_threshold(threshold):
    vectors = np.linalg.qr(RNG.standard_normal((3, 9, 9)))[0]
    squares = 10 ** RNG.uniform(-6, 0, (3, 9))
    squares[:, :2] = [8, 0.1]  # above and below most thresholds
    squares = np.where(np.abs(squares / threshold - 1) < 0.1, 1.2 * threshold, squares)
    gram = (vectors * squares[:, None]) @ vectors.swapaxes(1, 2)
    kept = squares > threshold
    expected = (vectors * kept[:, None]) @ vectors.swapaxes(1, 2)
    found = low_rank.projector(jnp.asarray(gram, jnp.float32), jnp.float32(threshold))
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_the_mean_is_kept_exactly_however_dark_the_patches():
    rows = 0.01 * RNG.random((30, 27, 1), dtype=np.float32)
    patches = low_rank.reflected(jnp.asarray(rows.reshape(-1, 9)))
    np.testing.assert_allclose(patches[:, 0], 3 * rows.reshape(-1, 9).mean(1), rtol=1e-5)
    np.testing.assert_allclose(denoised(np.full((30, 27, 1), np.float32(1e-4)), 0.3), 1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 9])
def test_the_reflection_keeps_lengths_and_is_its_own_inverse(size):
    rows = RNG.random((5, size), dtype=np.float32)
    found = low_rank.reflected(jnp.asarray(rows))
    np.testing.assert_allclose(jnp.square(found).sum(1), np.square(rows).sum(1), rtol=1e-5)
    np.testing.assert_allclose(low_rank.reflected(found), rows, atol=1e-6)


@pytest.mark.parametrize("smallest", [0.3, 1e-2, 1e-4])
def test_the_iteration_brings_all_it_promises_close_to_one_and_one_step_less_does_not(smallest):
    values, before = np.geomspace(smallest, 1, 1000), None
    for scale in low_rank.scales(smallest):
        before, values = values, scale * values * (3 - (scale * values) ** 2) / 2
    assert values.min() > 0.98
    assert values.max() < 1 + 1e-6
    assert before.min() < 0.98


@pytest.mark.parametrize("shape", [(13, 11, 1), (12, 17, 3), (5, 4, 1), (1, 9, 1), (7, 1, 2)])
def test_patches_cover_every_pixel_of_any_shape(shape):
    image = np.full(shape, 0.7, np.float32)
    np.testing.assert_allclose(denoised(image, 0.01), image, atol=1e-5)


@pytest.mark.parametrize("weighted", [True, False])
def test_noise_on_a_repeated_texture_is_removed(weighted):
    noisy = texture() + np.float32(0.03) * RNG.standard_normal(texture().shape).astype(np.float32)
    error = np.square(denoised(noisy, 0.03, weighted) - texture()).mean()
    assert error < 0.5 * np.square(noisy - texture()).mean()


def test_weights_change_an_average_of_groups_with_different_ranks():
    mixed = np.where(np.arange(27)[:, None] < 12, 0.5, RNG.random((30, 27, 1))).astype(np.float32)
    assert np.abs(denoised(mixed, 0.1) - denoised(mixed, 0.1, weighted=False)).max() > 1e-3


def test_the_result_does_not_depend_on_the_size_of_batches(monkeypatch):
    image = RNG.random((14, 16, 3), dtype=np.float32)
    whole = denoised(image, 0.05)
    monkeypatch.setattr(low_rank, "GROUPS_AT_ONCE", 7)
    low_rank.denoise.clear_cache()
    np.testing.assert_allclose(denoised(image, 0.05), whole, atol=1e-5)
