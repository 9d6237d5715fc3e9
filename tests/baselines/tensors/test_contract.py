"""Every completion of tensors fulfils the contract: observed entries are kept, and the missing truth is not used."""

import numpy as np
import pytest

from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.errors import UserError


def signal(entry, shape, channels):
    """Return smooth waves of the range [-3, 5] or so, and a mask with about half of the entries that suits a method."""
    grids = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    waves = 1 + 4 * np.stack([np.sin(2 * sum(grids) + c) for c in range(channels)], -1)
    changing = shape[: entry.changing] + (1,) * (len(shape) - (entry.changing or len(shape)))
    mask = np.random.default_rng(0).random(changing) < 0.5
    mask.flat[0], mask.flat[-1] = True, False
    return waves.astype(np.float32), np.broadcast_to(mask, shape).copy()


@pytest.fixture(params=TENSORS)
def entry(request):
    return TENSORS[request.param]


@pytest.mark.parametrize(("shape", "channels"), [((7, 8, 6), 1), ((6, 7), 3), ((4, 5, 4, 5), 1), ((5,), 2)])
def test_a_completion_keeps_observed_entries_and_beats_their_mean(entry, shape, channels):
    values, mask = signal(entry, shape, channels)
    if not entry.suits(mask, channels):
        pytest.skip("too few axes")
    poisoned = np.where(mask[..., None], values, np.nan).astype(np.float32)
    recovered = entry.complete(poisoned, mask, None)
    assert recovered.dtype == np.float32
    np.testing.assert_array_equal(recovered[mask], values[mask])
    if entry is TENSORS["halrtc"] and mask.size < 100:
        return  # the nuclear norms of small tensors draw missing entries to the smallest value
    error = np.square(recovered - values)[~mask].mean()
    assert error < np.square(values[mask].mean() - values)[~mask].mean()


def test_a_completion_follows_the_observed_values(entry):
    values, mask = signal(entry, (5, 6, 4), 1)
    recovered = entry.complete(values, mask, None)
    changed = entry.complete(np.where(mask[..., None], 10 + 3 * values, 0), mask, None)
    np.testing.assert_allclose(changed, 10 + 3 * recovered, atol=0.5 if entry is TENSORS["als"] else 0.02)
    assert not np.allclose(entry.complete(np.where(mask[..., None], -values, 0), mask, None)[~mask], recovered[~mask])


def test_a_completion_of_one_observed_entry_and_of_all(entry):
    values, mask = signal(entry, (4, 3, 4), 1)
    single = np.zeros_like(mask)
    single[(1, 2, 2)[: entry.changing]] = True
    assert np.isfinite(entry.complete(values, single, None)).all()
    np.testing.assert_array_equal(entry.complete(values, np.ones_like(mask), None), values)


def test_a_completion_refuses_a_mask_of_another_shape_or_without_observed_entries(entry):
    values, mask = signal(entry, (4, 3, 4), 1)
    with pytest.raises(UserError, match="mark one"):
        entry.complete(values, np.zeros_like(mask), None)
    with pytest.raises(UserError, match="shape without channels"):
        entry.complete(values, mask[:3], None)


@pytest.mark.parametrize("name", ["linear", "pchip", "spline", "dct_pls", "als"])
def test_a_missing_slice_is_interpolated(name):
    values, mask = signal(TENSORS[name], (6, 5, 9), 1)
    mask[:] = True
    mask[:, :, 4] = False
    recovered = TENSORS[name].complete(values, mask, None)
    nearest = TENSORS["nearest"].complete(values, mask, None)
    assert abs(recovered - values).max() < 0.5 * abs(nearest - values).max()
