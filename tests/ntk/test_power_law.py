import numpy as np
import pytest

from inrr_jax.ntk.power_law import power_law


def test_power_law_finds_the_exponent_and_its_interval_covers_it():
    x = np.geomspace(1, 1000, 40)
    assert power_law(x, 3 * x**-0.5).exponent == pytest.approx(-0.5)
    covered = 0
    for seed in range(200):
        noise = np.exp(0.3 * np.random.default_rng(seed).normal(size=40))
        _, low, high = power_law(x, 3 * x**-0.5 * noise)
        covered += low < -0.5 < high
    assert 0.9 <= covered / 200 <= 0.99
