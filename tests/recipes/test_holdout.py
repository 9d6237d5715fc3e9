"""The hold-out of observed pixels: where they lie, that nothing else is used, and the choice by their errors."""

import jax
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.soft_impute import soft_impute
from inrr_jax.data import masks
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.operators.masking import masked
from inrr_jax.recipes import holdout

SHAPE = (48, 64)
KEY = jax.random.key(7)


def mask_of(mode, rate):
    return np.asarray(masks.make(jax.random.key(1), SHAPE, mode, rate))


def ramp():
    """A plane, which is harmonic except at the picture's border."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    return (x / 128 + y / 128)[..., None]


def depth(mask, where):
    return distance_transform_edt(~mask)[where].mean()


def count_of(mask):
    return round(0.05 * mask.sum())


@pytest.mark.parametrize("place", [holdout.single_pixels, holdout.mask_shaped, None], ids=["single", "shaped", "auto"])
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
    single = holdout.single_pixels(KEY, mask, count_of(mask))
    np.testing.assert_array_equal(shaped, holdout.mask_shaped(KEY, mask, count_of(mask)))
    assert abs(depth(mask & ~shaped, shaped) / wanted - 1) < 0.15
    assert depth(mask & ~single, single) < 0.8 * wanted  # single pixels are too easy


def test_scattered_pixels_are_held_out_where_scattered_ones_are_missing():
    for mode in ("random", "density"):
        mask = mask_of(mode, 0.5)
        single = holdout.single_pixels(KEY, mask, count_of(mask))
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
    with pytest.raises(UserError, match="1 observed pixels: at least 2"):
        holdout.hold_out(KEY, np.eye(1, 4, dtype=bool))


def errors_of(image, mask, candidates):
    """Return the errors of fills of the hold-out problem on its held-out pixels."""
    problem = holdout.hold_out_components(image, mask)
    return [holdout.error(fill(problem.image, problem.mask), image, problem.held) for fill in candidates]


@pytest.mark.parametrize(("mode", "rate"), [("random", 0.6), ("text", 0.15)])
def test_the_errors_order_candidates_as_known(mode, rate):
    mask = mask_of(mode, rate)
    candidates = [lambda image, mask: np.full(image.shape, 0.5, np.float32), soft_impute, harmonic]
    errors = errors_of(ramp(), mask, candidates)
    assert errors[0] > errors[1] > errors[2]
    assert holdout.choose(candidates, errors) is harmonic
    assert holdout.choose(candidates[:2], errors[:2]) is soft_impute


def test_the_errors_do_not_depend_on_missing_values():
    image, mask = np.random.default_rng(0).random((*SHAPE, 1), np.float32), mask_of("text", 0.15)
    noise = np.where(mask[..., None], image, np.random.default_rng(1).random(image.shape, np.float32))
    candidates = [soft_impute, harmonic, lambda image, mask: image + 0.1]
    assert errors_of(image, mask, candidates) == errors_of(noise, mask, candidates)
    assert errors_of(image, mask, candidates) != errors_of(np.sqrt(image), mask, candidates)


def test_a_hold_out_problem_shows_neither_missing_nor_held_out_pixels_and_is_always_the_same():
    image, mask = np.ones((*SHAPE, 1), np.float32), mask_of("random", 0.5)
    problem, again = (holdout.hold_out_components(image, mask) for _ in range(2))
    assert problem.mask.sum() < mask.sum()
    np.testing.assert_array_equal(problem.mask, mask & ~problem.held)
    np.testing.assert_array_equal(problem.image[..., 0], problem.mask)
    jax.tree.map(np.testing.assert_array_equal, problem, again)


def test_a_restricted_problem_has_no_other_values_no_truth_and_no_auxiliary_arrays():
    image, mask = np.ones((*SHAPE, 1), np.float32), mask_of("random", 0.5)
    fewer = mask & mask_of("text", 0.15)
    restricted = holdout.restrict(masked(image, mask).with_auxiliary(guide=image), fewer)
    np.testing.assert_array_equal(restricted.operator.mask, fewer)
    np.testing.assert_array_equal(restricted.measurements[..., 0], fewer)
    assert restricted.truth is None
    assert restricted.auxiliary == {}
    assert restricted.domain == masked(image, mask).domain


def test_the_smallest_error_is_chosen_and_a_diverged_candidate_is_not():
    assert holdout.choose("abc", [2.0, 1.0, 1.0]) == "b"
    assert holdout.choose("abc", [float("nan"), 3.0, float("inf")]) == "b"
    with pytest.raises(DivergedError, match="none of the 2 candidates"):
        holdout.choose("ab", [float("nan")] * 2)


def test_the_error_is_that_of_the_held_out_pixels_alone():
    image = np.zeros((2, 2, 1), np.float32)
    recovered = np.array([[[0.5], [9.0]], [[7.0], [1.5]]], np.float32)
    held = np.array([[True, False], [False, True]])
    assert holdout.error(recovered, image, held) == (0.25 + 1.0) / 2  # beyond 1 counts as 1
    assert holdout.error(recovered, image, ~held) == 1.0


def test_calibrated_deviations_cover_nine_tenths_of_the_errors():
    rng = np.random.default_rng(0)
    deviations = rng.random(5000) + 0.1
    errors = 3 * deviations * rng.standard_normal(5000)
    factor = holdout.calibrate(errors, deviations)
    assert factor == pytest.approx(3, rel=0.05)
    assert np.mean(np.abs(errors) < holdout.QUANTILE * factor * deviations) == pytest.approx(0.9, abs=1e-3)
