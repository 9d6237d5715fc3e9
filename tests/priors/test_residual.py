"""The residual correction: it keeps observed values and exact recoveries, and adds the filled residual."""

import numpy as np
import pytest

from inrr_jax.baselines.diffusion import biharmonic, harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.errors import UserError
from inrr_jax.priors import residual

RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 10, 3), dtype=np.float32)
MASK = RNG.random((12, 10)) > 0.4


CORRECTIONS = {
    "harmonic": lambda *args: residual.correct(*args, harmonic),
    "biharmonic": lambda *args: residual.correct(*args, biharmonic),
}


def test_observed_values_are_kept_and_an_exact_recovery_is_unchanged():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    np.testing.assert_array_equal(residual.correct(recovered, IMAGE, MASK, harmonic)[MASK], IMAGE[MASK])
    np.testing.assert_allclose(residual.correct(IMAGE, IMAGE, MASK, harmonic), IMAGE, atol=1e-6)


@pytest.mark.parametrize("fill", [harmonic, linear])
def test_the_correction_of_a_constant_is_the_fill(fill):
    expected = fill(IMAGE, MASK)
    for constant in (0.0, 0.25):
        corrected = residual.correct(np.full_like(IMAGE, constant), IMAGE, MASK, fill)
        np.testing.assert_allclose(corrected, expected, atol=1e-6)


def test_missing_values_are_not_used_and_one_observed_pixel_is_needed():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    damaged = np.where(MASK[..., None], IMAGE, np.float32(np.nan))
    np.testing.assert_array_equal(
        residual.correct(recovered, damaged, MASK, harmonic), residual.correct(recovered, IMAGE, MASK, harmonic)
    )
    with pytest.raises(UserError, match="at least one"):
        residual.correct(recovered, IMAGE, np.zeros_like(MASK), harmonic)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_every_correction_keeps_observed_values_and_exact_recoveries_and_helps_a_shifted_one(name):
    correct = CORRECTIONS[name]
    rows, columns = np.mgrid[:24, :20]
    image = (0.5 + 0.3 * np.sin(rows / 3) * np.cos(columns / 4))[..., None].astype(np.float32)
    mask = np.random.default_rng(1).random((24, 20)) < 0.6
    np.testing.assert_allclose(correct(image, image, mask), image, atol=1e-5)
    shifted = image + 0.05 * np.sin(rows / 9)[..., None].astype(np.float32)
    corrected = correct(shifted, np.where(mask[..., None], image, np.float32(np.nan)), mask)
    np.testing.assert_array_equal(corrected[mask], image[mask])
    assert abs(corrected - image).max() < abs(shifted - image).max() / 2
