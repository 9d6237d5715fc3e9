"""The low-rank denoiser: its threshold, its groups, the reassembly of patches, and its gain on a noisy texture."""

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.priors import low_rank, patch_graph

RNG = np.random.default_rng(0)


def texture(shape=(40, 37)):
    """Return a texture that repeats every 5 rows and every 4 columns."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (0.3 + 0.1 * (rows % 5) + 0.05 * (columns % 4))[..., None].astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 20, 12), (3, 12, 20)])
def test_singular_values_below_the_edge_of_noise_are_set_to_zero(shape):
    matrices = RNG.standard_normal(shape)
    edge = 0.6 * (np.sqrt(shape[1]) + np.sqrt(shape[2]))
    kept, rank = low_rank.threshold_singular_values(matrices, 0.6)
    for matrix, found, count in zip(matrices, kept, rank, strict=True):
        mean = matrix.mean(axis=0)
        left, values, right = np.linalg.svd(matrix - mean, full_matrices=False)
        assert 0 < count == (values > edge).sum() < len(values)
        np.testing.assert_allclose(found, mean + (left * np.where(values > edge, values, 0)) @ right, atol=1e-9)


def test_pure_noise_is_reduced_to_its_mean_and_a_rank_one_signal_is_kept():
    shared = np.outer(RNG.standard_normal(60), RNG.standard_normal(25)) + 0.5
    noise = 0.1 * RNG.standard_normal((60, 25))
    kept, rank = low_rank.threshold_singular_values(np.stack([noise, shared + noise]), 0.11)
    assert rank.tolist() == [0, 1]
    np.testing.assert_allclose(kept[0], np.broadcast_to(noise.mean(axis=0), noise.shape), atol=1e-9)
    assert np.square(kept[1] - shared).mean() < 0.1 * np.square(noise).mean()


def test_a_group_contains_the_nearest_patches_and_starts_with_its_own():
    image = RNG.random((20, 23, 2), dtype=np.float32)
    members = low_rank.group(image)
    centres = np.arange(20 * 23).reshape(20, 23)[::3, ::3].ravel()
    nearest, _ = patch_graph.nearest_patches(image, low_rank.MEMBERS - 1, low_rank.SIGMA)
    np.testing.assert_array_equal(members[:, 0], centres)
    assert [set(own[1:]) for own in members.tolist()] == [set(own) for own in nearest[:, centres].T.tolist()]


@pytest.mark.parametrize("shape", [(13, 11, 1), (12, 17, 3), (5, 4, 1), (1, 9, 1), (7, 1, 2)])
def test_patches_cover_every_pixel_of_any_shape(shape):
    image = np.full(shape, 0.7, np.float32)
    np.testing.assert_allclose(low_rank.denoise(image, np.zeros(shape[:2], bool), image), image, atol=1e-6)


def test_a_repeated_texture_is_denoised_without_using_the_missing_truth():
    image = texture()
    mask = RNG.random(image.shape[:2]) < 0.5
    start = np.where(mask[..., None], image, image + 0.03 * RNG.standard_normal(image.shape)).astype(np.float32)
    denoised = low_rank.denoise(np.where(mask[..., None], image, np.nan), mask, start)
    np.testing.assert_array_equal(denoised[mask], image[mask])
    before, after = (metrics.summarize(x, image, mask)["psnr_missing"] for x in (start, denoised))
    assert after > before + 6


def test_the_result_does_not_depend_on_the_size_of_chunks(monkeypatch):
    image, mask = RNG.random((14, 16, 3), dtype=np.float32), RNG.random((14, 16)) < 0.5
    whole = low_rank.denoise(image, mask, image)
    monkeypatch.setattr(low_rank, "GROUPS_AT_ONCE", 7)
    np.testing.assert_allclose(low_rank.denoise(image, mask, image), whole, atol=1e-5)
