"""Gaussian models of patch groups: the conditional mean and variance, the average of patches, and what they recover."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.priors import conditional, low_rank, patch_groups
from inrr_jax.priors.patch_groups import Geometry

RNG = np.random.default_rng(0)
GEOMETRY = Geometry(side=4, spacing=3, radius=8, members=24)
MASK = RNG.random((30, 27)) < 0.5


def texture():
    """Return a texture that repeats every 5 rows and every 4 columns."""
    rows, columns = np.mgrid[:30, :27]
    return (0.3 + 0.1 * (rows % 5) + 0.05 * (columns % 4))[..., None].astype(np.float32)


def noisy_start(image):
    noise = 0.1 * RNG.standard_normal(image.shape)
    return np.where(MASK[..., None], image, image + noise).astype(np.float32)


def estimated(patches, observed):
    """Return what `conditional` does, for the patches [K, C, P] of one group."""
    values, variances = conditional.conditional(jnp.asarray(patches)[None], jnp.asarray(observed, jnp.float32)[None])
    return np.asarray(values)[0], np.asarray(variances)[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_expected_values_and_variances_are_those_of_the_normal_distribution(channels):
    patches = RNG.standard_normal((12, channels, 9)).astype(np.float32)
    observed = RNG.random((12, 1, 9)) < 0.5
    values, variances = estimated(patches, observed)
    means = patches.astype(np.float64).mean(0)
    covariance = np.mean([np.cov(patches[:, c].T.astype(np.float64), bias=True) for c in range(channels)], axis=0)
    for member in range(12):
        seen = observed[member, 0]
        noisy = covariance[np.ix_(seen, seen)] + conditional.NOISE**2 * np.eye(seen.sum())
        gain = covariance[:, seen] @ np.linalg.inv(noisy)
        expected = means + (patches[member] - means)[:, seen] @ gain.T
        left = np.diag(covariance - gain @ covariance[seen])
        np.testing.assert_allclose(values[member], expected, atol=2e-3)
        np.testing.assert_allclose(variances[member, 0], left, atol=2e-3)


def test_a_patch_without_observed_pixels_becomes_the_mean_and_a_whole_one_stays():
    patches = RNG.random((8, 1, 4)).astype(np.float32)
    observed = np.ones((8, 1, 4), bool)
    observed[0] = False
    values, variances = estimated(patches, observed)
    np.testing.assert_allclose(values[0], patches.mean(0), atol=1e-5)
    np.testing.assert_allclose(variances[0], patches.var(0), atol=1e-5)
    np.testing.assert_allclose(values[1:], patches[1:], atol=0.01)
    assert (variances[1:] < 1.01 * conditional.NOISE**2).all()


def test_a_round_is_the_average_of_all_patches_weighted_by_their_variances():
    image = texture() + 0.05 * RNG.standard_normal((30, 27, 1)).astype(np.float32)
    groups = patch_groups.find(jnp.asarray(image), GEOMETRY, jnp.asarray(~MASK))
    total, weights = np.zeros(image.shape), np.zeros(image.shape)
    for first in np.asarray(groups.members[: groups.number]):
        windows = [np.s_[i // 27 : i // 27 + 4, i % 27 : i % 27 + 4] for i in first]
        patches, observed = (np.stack([x[w].reshape(1, -1) for w in windows]) for x in (image, MASK))
        for window, value, variance in zip(windows, *estimated(patches, observed), strict=True):
            weight = 1 / (variance + conditional.NOISE**2)
            total[window] += (weight * value).reshape(4, 4, 1)
            weights[window] += weight.reshape(4, 4, 1)
    expected = np.where(MASK[..., None], image, np.clip(total / weights, 0, 1))
    found = next(conditional.rounds(image, MASK, image, GEOMETRY))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_groups_whose_reference_has_no_missing_pixel_are_left_out():
    image, mask = jnp.asarray(texture()), np.ones((30, 27), bool)
    mask[3, 4] = False
    groups = patch_groups.find(image, GEOMETRY, jnp.asarray(~mask))
    _, weights = conditional.weighted_sums(image, jnp.asarray(mask)[..., None], groups, GEOMETRY)
    covered = np.zeros((30, 27), bool)
    for i in np.asarray(groups.members[: groups.number]).ravel():
        covered[i // 27 : i // 27 + 4, i % 27 : i % 27 + 4] = True
    np.testing.assert_array_equal(np.asarray(weights)[..., 0] > 0, covered)
    assert covered[3, 4]
    assert not covered.all()


def test_a_repeated_texture_is_recovered_without_the_missing_truth():
    start = noisy_start(texture())
    hidden = np.where(MASK[..., None], texture(), np.nan)
    found = list(itertools.islice(conditional.rounds(hidden, MASK, start, GEOMETRY), 3))
    for estimate in found:
        np.testing.assert_array_equal(estimate[MASK], texture()[MASK])
    before, one, last = (metrics.psnr(x, texture(), ~MASK) for x in (start, found[0], found[-1]))
    assert before + 5 < one < last


@pytest.mark.parametrize("shape", [(13, 11, 1), (12, 17, 3), (5, 4, 1), (1, 9, 1), (7, 1, 2)])
@pytest.mark.parametrize("missing", [0, 1, 3])
def test_pictures_of_any_shape_and_any_number_of_missing_pixels(shape, missing):
    image = RNG.random(shape).astype(np.float32)
    mask = np.ones(shape[:2], bool)
    mask.flat[:missing] = False
    found = next(conditional.rounds(image, mask, np.full(shape, np.float32(0.5))))
    np.testing.assert_array_equal(found[mask], image[mask])
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_noisy_patches_become_their_expected_values_under_the_model_of_the_pilot():
    pilot, noise = texture() + 0.05 * RNG.standard_normal((30, 27, 1)).astype(np.float32), 0.1
    noisy = pilot + noise * RNG.standard_normal(pilot.shape).astype(np.float32)
    groups = patch_groups.find(jnp.asarray(pilot), GEOMETRY)
    total, weights = np.zeros(pilot.shape), np.zeros(pilot.shape)
    for first in np.asarray(groups.members[: groups.number]):
        windows = [np.s_[i // 27 : i // 27 + 4, i % 27 : i % 27 + 4] for i in first]
        values, samples = (np.stack([x[w].ravel() for w in windows]).astype(np.float64) for x in (noisy, pilot))
        covariance = np.cov(samples.T, bias=True)
        wiener = covariance @ np.linalg.inv(covariance + noise**2 * np.eye(16))
        expected = values.mean(0) + (values - values.mean(0)) @ wiener.T
        weight = 1 / (1 + np.sum(wiener**2))
        for window, value in zip(windows, expected, strict=True):
            total[window] += weight * value.reshape(4, 4, 1)
            weights[window] += weight
    found = conditional.denoise(jnp.asarray(noisy), jnp.asarray(pilot), groups, noise, GEOMETRY)
    np.testing.assert_allclose(found, total / weights, atol=1e-4)


def test_the_models_of_a_pilot_remove_more_noise_than_the_pilot_has_removed():
    image = texture()
    noisy = jnp.asarray(image + 0.1 * RNG.standard_normal(image.shape).astype(np.float32))
    groups = patch_groups.find(noisy, GEOMETRY)
    pilot = low_rank.denoise(noisy, groups, 0.1, GEOMETRY)
    found = conditional.denoise(noisy, pilot, groups, 0.1, GEOMETRY)
    assert metrics.psnr(found, image) > metrics.psnr(pilot, image) + 0.2


def test_channels_have_models_of_their_own():
    image = np.concatenate([texture(), 1 - texture()], -1)
    noisy = jnp.asarray(image + 0.1 * RNG.standard_normal(image.shape).astype(np.float32))
    groups = patch_groups.find(noisy, GEOMETRY)
    both = conditional.denoise(noisy, noisy, groups, 0.1, GEOMETRY)
    for channel in range(2):
        one = noisy[..., channel : channel + 1]
        np.testing.assert_allclose(
            both[..., channel : channel + 1], conditional.denoise(one, one, groups, 0.1, GEOMETRY), atol=1e-5
        )
