"""The hold-out of observed pixels: where they lie, that nothing else is used, and the choice by their errors."""

import jax
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.soft_impute import soft_impute
from inrr_jax.data import masks
from inrr_jax.errors import DivergedError
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


def test_more_of_few_observed_pixels_are_held_out():
    shares = {}
    for rate in (0.2, 0.5, 0.95):
        mask = np.random.default_rng(0).random((150, 150)) >= rate
        shares[rate] = holdout.hold_out_components(np.zeros((150, 150, 1), np.float32), mask).held.sum() / mask.sum()
    assert shares[0.2] == pytest.approx(0.05, abs=1e-3)
    assert shares[0.5] == pytest.approx(0.05, abs=1e-3)
    assert shares[0.95] == pytest.approx(0.2, abs=1e-3)
    mask = np.random.default_rng(0).random((150, 150)) >= 0.8
    assert holdout.hold_out_components(np.zeros((150, 150, 1), np.float32), mask).held.sum() == holdout.ENOUGH


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
