"""The energy and the duality gap of total variation inpainting."""

import numpy as np
import pytest

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.baselines.total_variation import minimize_tv, tv_energy_and_gap


def test_tv_closes_the_duality_gap(picture):
    image, mask = picture(24, 30, channels=3)
    start = harmonic(image, mask)
    few, many = (minimize_tv(start, mask, n) for n in (20, 2000))
    energy, gap = tv_energy_and_gap(*many, mask)
    assert abs(gap) < 1e-4 * energy
    assert tv_energy_and_gap(*few, mask)[1] > 10 * abs(gap)


def test_tv_energy_is_the_least_among_images_with_the_same_observed_values(picture):
    image, mask = picture(24, 30)
    u, dual = minimize_tv(harmonic(image, mask), mask, 2000)
    energy, gap = tv_energy_and_gap(u, dual, mask)
    for other in (image, harmonic(image, mask), linear(image, mask)):
        assert tv_energy_and_gap(np.asarray(other) + 0 * u, dual, mask)[0] > energy - gap
    zero_dual_gap = tv_energy_and_gap(u, 0 * dual, mask)[1]
    assert zero_dual_gap == pytest.approx(energy)


def test_tv_energy_equals_a_loop(picture):
    image, mask = picture(6, 5, channels=2)
    padded = np.pad(image, ((0, 1), (0, 1), (0, 0)), mode="edge")
    expected = sum(
        np.sqrt(((padded[i + 1, j] - padded[i, j]) ** 2 + (padded[i, j + 1] - padded[i, j]) ** 2).sum())
        for i in range(6)
        for j in range(5)
    )
    u, dual = minimize_tv(image, np.ones_like(mask), 1)
    assert tv_energy_and_gap(u, dual, np.ones_like(mask))[0] == pytest.approx(expected, rel=1e-5)
