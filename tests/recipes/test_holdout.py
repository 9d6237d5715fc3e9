"""The choice by held-out pixels: it finds what is known to be best, and cannot peek."""

import jax
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from inrr_jax.baselines import fills as baselines
from inrr_jax.data import masks
from inrr_jax.data.problem import Problem
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.recipes import holdout

SHAPE = (48, 64)
KEY = jax.random.key(7)


def mask_of(mode, rate):
    return np.asarray(masks.make(jax.random.key(1), SHAPE, mode, rate))


def problem_of(mode, rate, image=None):
    mask = mask_of(mode, rate)
    return Problem(ramp() if image is None else image, mask)


def ramp():
    """A plane, which is harmonic but for the picture's border."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    return (x / 128 + y / 128)[..., None]


def constant(value):
    return lambda problem: np.full(problem.image.shape, value, np.float32)


def fill(name):
    return lambda problem: baselines.FILLS[name](problem.image, problem.mask)


def depth(mask, where):
    return distance_transform_edt(~mask)[where].mean()


@pytest.mark.parametrize("placement", ["auto", "pixels", "copies"])
@pytest.mark.parametrize(("mode", "rate"), [("random", 0.7), ("text", 0.15), ("patch", 0.1), ("density", 0.5)])
def test_the_observed_pixels_are_cut_in_two(mode, rate, placement):
    mask = mask_of(mode, rate)
    split = holdout.hold_out(KEY, mask, 0.05, placement)
    assert not (split.training & split.held).any()
    np.testing.assert_array_equal(split.training | split.held, mask)
    assert 0 < split.held.sum() <= round(0.05 * mask.sum())


@pytest.mark.parametrize(("mode", "rate"), [("text", 0.3), ("patch", 0.04)])
def test_beside_holes_what_is_held_out_is_as_deep_as_what_is_missing(mode, rate):
    mask = mask_of(mode, rate)
    wanted = depth(mask, ~mask)
    held = {place: holdout.hold_out(KEY, mask, 0.05, place) for place in ("auto", "pixels")}
    depths = {place: depth(split.training, split.held) for place, split in held.items()}
    assert abs(depths["auto"] / wanted - 1) < 0.15
    assert depths["pixels"] < 0.8 * wanted  # single pixels are too easy


def test_scattered_pixels_are_held_out_where_scattered_ones_are_missing():
    for mode in ("random", "density"):
        mask = mask_of(mode, 0.5)
        auto, pixels = (holdout.hold_out(KEY, mask, 0.05, place).held for place in ("auto", "pixels"))
        np.testing.assert_array_equal(auto, pixels)
        assert pixels.sum() == round(0.05 * mask.sum())


def test_the_key_alone_decides():
    mask = mask_of("text", 0.15)
    first, again, other = (holdout.hold_out(jax.random.key(seed), mask).held for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def two_holes(shape=(128, 160)):
    mask = np.ones(shape, bool)
    mask[20:40, 30:46] = mask[80:95, 100:120] = False
    return mask


def test_more_copies_of_large_holes_are_witnesses_apart_from_each_other_and_from_what_is_missing():
    mask = two_holes()
    first = holdout.hold_out(KEY, mask)
    split = holdout.more_copies(KEY, first)
    assert split.held[first.held].all()
    assert not (split.held & ~mask).any()
    np.testing.assert_array_equal(split.training, mask & ~split.held)
    numbered, count = holdout.pieces(split.held)
    assert count >= 8 > holdout.pieces(first.held)[1]
    added = [numbered == piece for piece in range(1, count + 1) if not first.held[numbered == piece].any()]
    assert all(distance_transform_edt(mask & ~(split.held & ~piece))[piece].min() > holdout.APART for piece in added)
    assert split.held.sum() < holdout.MOST * mask.sum() + (~mask).sum()


@pytest.mark.parametrize(("mode", "rate"), [("random", 0.5), ("border", 0.3)])
def test_where_there_are_witnesses_enough_or_no_room_no_copy_is_added(mode, rate):
    mask = mask_of(mode, rate)
    split = holdout.hold_out(KEY, mask)
    np.testing.assert_array_equal(holdout.more_copies(KEY, split).held, split.held)


def test_a_border_that_every_copy_lies_upon_gets_single_pixels():
    mask = np.zeros((9, 9), bool)
    mask[4, 3:6] = True  # what is missing is larger than what is not
    assert holdout.hold_out(KEY, mask, 0.3, "copies").held.sum() == 1


def test_two_observed_pixels_are_enough_and_one_is_not():
    mask = np.zeros((4, 4), bool)
    mask[0, :2] = True
    split = holdout.hold_out(KEY, mask)
    assert split.held.sum() == split.training.sum() == 1
    with pytest.raises(UserError, match="1 observed pixels: at least 2"):
        holdout.hold_out(KEY, np.eye(1, 4, dtype=bool))


def test_an_unknown_placement_is_refused():
    with pytest.raises(UserError, match="did you mean copies"):
        holdout.hold_out(KEY, mask_of("text", 0.15), 0.05, "copy")


@pytest.mark.parametrize(("mode", "rate"), [("random", 0.6), ("text", 0.15)])
def test_it_picks_the_known_best(mode, rate):
    problem = problem_of(mode, rate)
    candidates = [constant(0.5), fill("soft_impute"), fill("harmonic")]
    chosen = holdout.select(problem, candidates, KEY)
    assert chosen.best == 2
    assert chosen.errors[0] > chosen.errors[1] > chosen.errors[2]
    np.testing.assert_array_equal(chosen.recovered, fill("harmonic")(problem))
    assert holdout.select(problem, candidates[:2], KEY).best == 1


def test_it_is_the_same_whatever_the_missing_pixels_hold():
    image = np.random.default_rng(0).random((*SHAPE, 1), np.float32)
    problem = problem_of("text", 0.15, image)
    noise = np.where(problem.mask[..., None], image, np.random.default_rng(1).random(image.shape, np.float32))
    candidates = [fill("soft_impute"), fill("harmonic"), lambda problem: problem.image + 0.1]
    one, other = (holdout.select(Problem(pixels, problem.mask), candidates, KEY) for pixels in (image, noise))
    assert (one.best, one.errors) == (other.best, other.errors)
    np.testing.assert_array_equal(one.recovered, other.recovered)


def test_a_candidate_sees_neither_missing_nor_held_out_pixels():
    seen = []

    def watching(problem):
        seen.append(problem)
        return problem.image

    problem = problem_of("random", 0.5, np.ones((*SHAPE, 1), np.float32))
    holdout.select(problem, [watching], KEY)
    blind, whole = seen
    assert blind.mask.sum() < whole.mask.sum() == problem.mask.sum()
    for given in seen:
        np.testing.assert_array_equal(given.image[..., 0], given.mask)


def test_the_least_error_is_chosen_and_what_diverged_is_not():
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
