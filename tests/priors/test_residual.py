"""Kriging of the misfit."""

import numpy as np
import pytest

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.errors import UserError
from inrr_jax.priors import residual
from inrr_jax.recipes import stacking

RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 10, 3), dtype=np.float32)
MASK = RNG.random((12, 10)) > 0.4


def test_kriging_gives_back_what_is_observed_and_leaves_an_exact_network_alone():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    np.testing.assert_array_equal(residual.krige(recovered, IMAGE, MASK)[MASK], IMAGE[MASK])
    np.testing.assert_allclose(residual.krige(IMAGE, IMAGE, MASK), IMAGE, atol=1e-6)


@pytest.mark.parametrize("fill", [harmonic, linear])
def test_kriging_nothing_is_the_fill_and_kriging_a_shift_takes_it_back(fill):
    expected = fill(IMAGE, MASK)
    for constant in (0.0, 0.25):
        kriged = residual.krige(np.full_like(IMAGE, constant), IMAGE, MASK, fill)
        np.testing.assert_allclose(kriged, expected, atol=1e-6)


def test_kriging_does_not_look_at_what_is_missing():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    damaged = np.where(MASK[..., None], IMAGE, np.nan)
    np.testing.assert_array_equal(residual.krige(recovered, damaged, MASK), residual.krige(recovered, IMAGE, MASK))
    with pytest.raises(UserError, match="without an observed pixel"):
        residual.krige(recovered, IMAGE, np.zeros_like(MASK))


@pytest.mark.parametrize("name", ["harmonic", "biharmonic", "stacked"])
def test_every_kriging_keeps_what_is_observed_leaves_an_exact_network_alone_and_helps_a_shifted_one(name):
    rows, columns = np.mgrid[:24, :20]
    image = (0.5 + 0.3 * np.sin(rows / 3) * np.cos(columns / 4))[..., None].astype(np.float32)
    mask = np.random.default_rng(1).random((24, 20)) < 0.6
    np.testing.assert_allclose(residual.krige_by_name(image, image, mask, name), image, atol=1e-5)
    shifted = image + 0.05 * np.sin(rows / 9)[..., None].astype(np.float32)
    kriged = residual.krige_by_name(shifted, np.where(mask[..., None], image, np.nan), mask, name)
    np.testing.assert_array_equal(kriged[mask], image[mask])
    assert abs(kriged - image).max() < abs(shifted - image).max() / 2


def test_stacked_kriging_fills_the_misfit_in_the_proportion_of_the_extension():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    estimate = residual.krige(recovered, IMAGE, MASK)
    fill = stacking.misfit_fill(estimate, stacking.proportion(IMAGE, MASK))
    expected = residual.krige(recovered, IMAGE, MASK, fill)
    np.testing.assert_array_equal(residual.krige_by_name(recovered, IMAGE, MASK, "stacked"), expected)


def test_no_kriging_is_the_recovery_itself_and_only_pictures_are_kriged():
    recovered = RNG.random((5, 6, 7, 1), dtype=np.float32)
    mask = np.ones((5, 6, 7), bool)
    np.testing.assert_array_equal(residual.krige_by_name(recovered, recovered, mask, "none"), recovered)
    with pytest.raises(UserError, match="kriging=harmonic is for pictures: the signal has 3 axes, not 2"):
        residual.krige_by_name(recovered, recovered, mask, "harmonic")
