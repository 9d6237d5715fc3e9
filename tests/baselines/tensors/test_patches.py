"""Completion of whole fibers by patches of their components."""

import numpy as np
import pytest

from inrr_jax.baselines.holdout import changing_axes
from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.baselines.tensors.patches import patches
from inrr_jax.errors import UserError
from inrr_jax.priors import patch_search

SHAPE, BANDS = (20, 18), 7


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(patch_search, "SIDE", 16)


def striped():
    """Return spectra of a texture of two materials, and a mask without two thirds of the positions."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    share = ((rows + columns) // 3 % 2)[..., None]
    first, second = rng.random((2, BANDS))
    seen = rng.random(SHAPE) > 2 / 3
    return (20 * (share * first + (1 - share) * second)).astype(np.float32), seen


def error(recovered, values, mask):
    return np.square(recovered - values)[~mask].mean()


def test_a_texture_of_spectra_is_continued_better_than_by_other_completions():
    values, seen = striped()
    mask = np.broadcast_to(seen[..., None], values.shape)
    errors = {
        name: error(TENSORS[name].complete(values[..., None], mask, None)[..., 0], values, mask)
        for name in ("linear", "harmonic", "dct_pls_scaled", "patches")
    }
    assert min(errors, key=errors.get) == "patches"


def test_the_axis_of_the_fibers_may_be_any_one_or_that_of_the_channels():
    values, seen = striped()
    expected = patches(values, seen, None)  # as channels
    for axis in range(3):
        turned = np.moveaxis(values, -1, axis)
        mask = np.broadcast_to(np.expand_dims(seen, axis), turned.shape)
        assert changing_axes(mask) == [a for a in range(3) if a != axis]
        recovered = patches(turned[..., None], mask, None)[..., 0]
        np.testing.assert_allclose(np.moveaxis(recovered, axis, -1), expected, atol=2e-3)


def test_equal_spectra_are_recovered_exactly():
    values, seen = striped()
    values = np.broadcast_to(values[:1, :1], values.shape)
    np.testing.assert_allclose(patches(values, seen, None), values, rtol=1e-5)


def test_a_mask_that_changes_along_three_axes_is_refused():
    mask = np.random.default_rng(0).random((6, 5, 4)) < 0.5
    with pytest.raises(UserError, match=r"changes along the axes \[0, 1, 2\]: give one that changes along two"):
        patches(np.zeros((6, 5, 4, 1), np.float32), mask, None)
    assert not TENSORS["patches"].suits(mask)
