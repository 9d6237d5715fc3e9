"""The hold-out of observed entries: where they lie, in pictures and on grids of any number of axes."""

import jax
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from inrr_jax.baselines import holdout
from inrr_jax.baselines.holdout import GRID_SHARE, hold_out_fifth
from inrr_jax.data import masks
from inrr_jax.errors import UserError

SHAPE = (48, 64)
KEY = jax.random.key(7)


def mask_of(mode, rate, shape=SHAPE, **options):
    make = jax.jit(lambda key: masks.make(key, shape, mode, rate, **options))
    return np.asarray(make(jax.random.key(1)))


def distances(training, where):
    return distance_transform_edt(~training)[where]


def depth(mask, where):
    return distances(mask, where).mean()


def count_of(mask):
    return round(0.05 * mask.sum())


@pytest.mark.parametrize("place", [holdout.single_entries, holdout.mask_shaped, None], ids=["single", "shaped", "auto"])
@pytest.mark.parametrize(("mode", "rate"), [("random", 0.7), ("text", 0.15), ("patch", 0.1), ("density", 0.5)])
def test_the_observed_pixels_are_divided_in_two(mode, rate, place):
    mask = mask_of(mode, rate)
    held = place(KEY, mask, count_of(mask)) if place else holdout.hold_out(KEY, mask, 0.05).held
    assert not (held & ~mask).any()
    assert 0 < held.sum() <= count_of(mask)
    split = holdout.hold_out(KEY, mask, 0.05)
    assert not (split.training & split.held).any()
    np.testing.assert_array_equal(split.training | split.held, mask)


@pytest.mark.parametrize(("mode", "rate"), [("text", 0.3), ("patch", 0.04)])
def test_near_holes_held_out_pixels_are_as_deep_as_missing_ones(mode, rate):
    mask = mask_of(mode, rate)
    wanted = depth(mask, ~mask)
    shaped = holdout.hold_out(KEY, mask, 0.05).held
    single = holdout.single_entries(KEY, mask, count_of(mask))
    np.testing.assert_array_equal(shaped, holdout.mask_shaped(KEY, mask, count_of(mask)))
    assert abs(depth(mask & ~shaped, shaped) / wanted - 1) < 0.15
    assert depth(mask & ~single, single) < 0.8 * wanted  # single pixels are too easy


def test_scattered_pixels_are_held_out_where_scattered_ones_are_missing():
    for mode in ("random", "density"):
        mask = mask_of(mode, 0.5)
        single = holdout.single_entries(KEY, mask, count_of(mask))
        np.testing.assert_array_equal(holdout.hold_out(KEY, mask, 0.05).held, single)
        assert single.sum() == count_of(mask)


def test_the_key_alone_decides():
    mask = mask_of("text", 0.15)
    first, again, other = (holdout.hold_out(jax.random.key(seed), mask).held for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def two_holes(shape=(128, 160)):
    mask = np.ones(shape, bool)
    mask[20:40, 30:46] = mask[80:95, 100:120] = False
    return mask


def test_components_are_added_at_a_distance_from_each_other_and_from_missing_pixels():
    mask = two_holes()
    first = holdout.hold_out(KEY, mask)
    split = holdout.add_components(KEY, first)
    assert split.held[first.held].all()
    assert not (split.held & ~mask).any()
    np.testing.assert_array_equal(split.training, mask & ~split.held)
    numbered, count = holdout.components(split.held)
    assert count >= 8 > holdout.components(first.held)[1]
    added = [numbered == number for number in range(1, count + 1) if not first.held[numbered == number].any()]
    distances = [distance_transform_edt(mask & ~(split.held & ~component))[component].min() for component in added]
    assert min(distances) > holdout.DISTANCE
    assert split.held.sum() < holdout.LARGEST_SHARE * mask.sum() + (~mask).sum()


@pytest.mark.parametrize(("mode", "rate"), [("random", 0.5), ("border", 0.3)])
def test_no_component_is_added_if_there_are_enough_or_there_is_no_room(mode, rate):
    mask = mask_of(mode, rate)
    split = holdout.hold_out(KEY, mask)
    np.testing.assert_array_equal(holdout.add_components(KEY, split).held, split.held)


def test_single_pixels_are_held_out_if_every_copy_overlaps_the_missing_region():
    mask = np.zeros((9, 9), bool)
    mask[4, 3:6] = True  # more is missing than observed
    assert holdout.mask_shaped(KEY, mask, 1).sum() == 1


def test_two_observed_pixels_are_enough_and_one_is_not():
    mask = np.zeros((4, 4), bool)
    mask[0, :2] = True
    split = holdout.hold_out(KEY, mask)
    assert split.held.sum() == split.training.sum() == 1
    with pytest.raises(UserError, match="1 observed entries: at least 2"):
        holdout.hold_out(KEY, np.eye(1, 4, dtype=bool))


def test_whole_slices_are_held_out_where_slices_are_missing():
    mask = np.ones((5, 4, 20), bool)
    mask[:, :, [3, 7, 8, 15]] = False
    held = hold_out_fifth(mask).held
    assert held.any()
    assert not (held & ~mask).any()
    np.testing.assert_array_equal(held, np.broadcast_to(held[:1, :1], held.shape))


def test_whole_fibers_are_held_out_where_fibers_are_missing():
    mask = mask_of("fibers", 0.8, (12, 9, 15), axis=1)
    held = hold_out_fifth(mask).held
    assert held.any()
    np.testing.assert_array_equal(held, np.broadcast_to(held[:, :1], held.shape))


@pytest.mark.parametrize(
    ("mode", "rate", "shape", "options"),
    [
        ("clouds", 0.3, (30, 36, 28), {"axis": 2, "duration": 8}),
        ("clouds", 0.3, (24, 28, 10, 6), {"axis": 2, "duration": 2}),
        ("slices", 0.5, (40, 9, 9), {"axis": 0}),
        ("fibers", 0.9, (20, 30, 31), {"axis": 0}),
        ("random", 0.95, (30, 31, 32), {}),
    ],
)
def test_distances_to_training_entries_are_distributed_like_those_of_missing_entries(mode, rate, shape, options):
    mask = mask_of(mode, rate, shape, **options)
    split = hold_out_fifth(mask)
    share = split.held.sum() / mask.sum()
    assert 0.1 < share < GRID_SHARE + 0.05
    quantiles = np.linspace(0.05, 0.95, 19)
    wanted = np.quantile(distances(mask, ~mask), quantiles)
    found = np.quantile(distances(split.training, split.held), quantiles)
    assert np.abs(np.log(found / wanted)).mean() < 0.2


def test_intersected_copies_are_too_shallow():
    """The rule of a former version, which is what the present one has to avoid."""
    mask, rng = mask_of("clouds", 0.3, (30, 36, 28), axis=2, duration=8), np.random.default_rng(0)
    held = mask.copy()
    while held.sum() > GRID_SHARE * mask.sum():
        held &= np.roll(~mask, rng.integers(mask.shape), range(mask.ndim))
    assert depth(mask & ~held, held) < 0.85 * depth(mask, ~mask)


def test_a_single_observed_slice_is_divided():
    mask = np.zeros((4, 5, 6), bool)
    mask[2] = True
    held = hold_out_fifth(mask).held
    assert 0 < held.sum() < mask.sum()


def test_one_observed_entry_cannot_be_held_out():
    with pytest.raises(UserError, match="1 observed entries: at least 2"):
        hold_out_fifth(np.arange(6) == 2)
