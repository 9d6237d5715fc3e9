"""Kriging of the misfit."""

import numpy as np
import pytest

from inrr_jax import baselines, kriging
from inrr_jax.errors import UserError

RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 10, 3), dtype=np.float32)
MASK = RNG.random((12, 10)) > 0.4


def test_kriging_gives_back_what_is_observed_and_leaves_an_exact_network_alone():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    np.testing.assert_array_equal(kriging.krige(recovered, IMAGE, MASK)[MASK], IMAGE[MASK])
    np.testing.assert_allclose(kriging.krige(IMAGE, IMAGE, MASK), IMAGE, atol=1e-6)


@pytest.mark.parametrize("fill", [baselines.harmonic, baselines.linear])
def test_kriging_nothing_is_the_fill_and_kriging_a_shift_takes_it_back(fill):
    expected = fill(IMAGE, MASK)
    for constant in (0.0, 0.25):
        kriged = kriging.krige(np.full_like(IMAGE, constant), IMAGE, MASK, fill)
        np.testing.assert_allclose(kriged, expected, atol=1e-6)


def test_kriging_does_not_look_at_what_is_missing():
    recovered = RNG.random(IMAGE.shape, dtype=np.float32)
    damaged = np.where(MASK[..., None], IMAGE, np.nan)
    np.testing.assert_array_equal(kriging.krige(recovered, damaged, MASK), kriging.krige(recovered, IMAGE, MASK))
    with pytest.raises(UserError, match="without an observed pixel"):
        kriging.krige(recovered, IMAGE, np.zeros_like(MASK))
