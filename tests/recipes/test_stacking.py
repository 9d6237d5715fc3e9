"""The proportion in which fills are added up, and what comes of it."""

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines import fills as baselines
from inrr_jax.priors import low_rank, residual
from inrr_jax.recipes import holdout, stacking
from inrr_jax.settings import RECIPE, change
from inrr_jax.training import fit as training

RNG = np.random.default_rng(0)


def picture(seed=0):
    """Draw waves with some noise, and a mask with 60 % observed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :30]
    waves = 0.5 + 0.3 * np.sin(rows / 3) * np.cos(columns / 4)
    image = waves + 0.05 * rng.standard_normal(waves.shape)
    return np.clip(image, 0, 1)[..., None].astype(np.float32), rng.random(waves.shape) < 0.6


def test_shares_are_not_negative_sum_to_one_and_err_less_than_any_candidate():
    common = RNG.standard_normal(500)
    errors = np.stack([common + RNG.standard_normal(500), common + RNG.standard_normal(500), 9 * common], axis=1)
    shares = stacking.combine(errors, 100)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1)
    assert shares[2] < 0.01
    assert np.mean((errors @ shares) ** 2) < (errors**2).mean(0).min()


@pytest.mark.parametrize("pieces", [1, 20])
def test_shares_of_two_candidates_equal_a_search_over_all_of_them(pieces):
    errors = RNG.standard_normal((300, 2)) * [1.0, 1.5]
    gram = errors.T @ errors / 300
    scale, first = gram.diagonal().min(), np.linspace(0, 1, 100_001)
    both = np.stack([first, 1 - first])
    independent = 1 / gram.diagonal() / (1 / gram.diagonal()).sum()
    cost = np.einsum("in,ij,jn->n", both, gram, both) + scale / pieces * ((both - independent[:, None]) ** 2).sum(0)
    assert stacking.combine(errors, pieces)[0] == pytest.approx(first[cost.argmin()], abs=1e-3)


def test_the_pixels_of_a_piece_are_one_witness():
    image = RNG.random((12, 12, 1), dtype=np.float32)
    good, bad = image + 0.01, image + np.float32(0.02) * RNG.choice(np.float32([-1, 1]), image.shape)
    block, scattered = np.zeros((2, 12, 12), bool)
    block[3:6, 3:6] = True
    scattered[1::4, 1::4] = True
    assert block.sum() == scattered.sum() == 9
    one, many = (stacking.shares(np.stack([good, bad]), image, held)[0] for held in (block, scattered))
    assert 0.5 < one < many - 0.05


def test_one_place_where_all_fail_does_not_decide_for_the_picture():
    image, held = np.full((64, 64, 1), 0.5, np.float32), RNG.random((64, 64)) < 0.5
    noise = RNG.standard_normal((2, 64, 64, 1)).astype(np.float32)
    candidates = image + noise * np.float32([0.01, 0.03])[:, None, None, None]
    assert stacking.shares(candidates, image, held)[0] > 0.8
    candidates[:, :8, :8] = image[:8, :8] + noise[:, :8, :8] * np.float32([0.9, 0.6])[:, None, None, None]
    errors = (candidates - image)[:, held].reshape(2, -1).T
    assert stacking.combine(errors, holdout.pieces(held)[1])[0] < 0.5
    assert stacking.shares(candidates, image, held)[0] > 0.7


def test_of_large_holes_there_are_as_many_copies_as_there_is_room_for():
    mask = np.ones((96, 96), bool)
    mask[40:56, 40:56] = False
    test = stacking.blind(RNG.random((96, 96, 1), dtype=np.float32), mask)
    assert holdout.pieces(test.held)[1] > 3
    assert not (test.held & ~mask).any()
    np.testing.assert_array_equal(test.problem.mask, mask & ~test.held)


@pytest.mark.parametrize("errors", [np.zeros((5, 3)), np.ones((4, 3)) * 0.2])
def test_candidates_that_err_alike_have_equal_shares(errors):
    np.testing.assert_allclose(stacking.combine(errors, 20), 1 / 3, atol=1e-3)


def test_the_missing_truth_has_no_part_in_the_proportion_and_the_observed_pixels_have():
    image, mask = picture()
    noise = RNG.random(image.shape, dtype=np.float32)
    shares = stacking.proportion(image, mask)
    np.testing.assert_array_equal(stacking.proportion(np.where(mask[..., None], image, noise), mask), shares)
    np.testing.assert_array_equal(stacking.proportion(np.where(mask[..., None], image, np.nan), mask), shares)
    assert abs(stacking.proportion(np.where(mask[..., None], noise, image), mask) - shares).max() > 0.01


def test_the_stack_is_the_sum_of_its_fills_and_no_worse_than_the_worst():
    image, mask = picture()
    fills = [baselines.FILLS[name](image, mask) for name in stacking.NAMES]
    stacked = stacking.stacked(image, mask)
    expected = sum(share * fill for share, fill in zip(stacking.proportion(image, mask), fills, strict=True))
    np.testing.assert_allclose(stacked, expected, atol=1e-6)
    np.testing.assert_array_equal(stacked[mask], image[mask])
    assert metrics.psnr(stacked, image, ~mask) > min(metrics.psnr(fill, image, ~mask) for fill in fills)


def test_what_is_kept_is_told_apart_by_picture_and_mask_and_cannot_be_changed():
    (image, mask), (other, _) = picture(), picture(1)
    first = stacking.stacked(image, mask)
    assert stacking.stacked(image.copy(), mask.copy()) is first
    assert np.abs(stacking.stacked(other, mask) - first).max() > 0.01
    assert np.abs(stacking.stacked(image, ~mask) - first).max() > 0.01
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 0


def test_one_observed_pixel_gives_equal_shares():
    image, mask = picture()
    lonely = np.zeros_like(mask)
    lonely[3, 4] = True
    np.testing.assert_allclose(stacking.proportion(image, lonely), 1 / 4)
    np.testing.assert_allclose(stacking.stacked(image, lonely), image[3, 4].item(), atol=1e-4)


def test_the_fill_of_misfits_commutes_with_affine_maps_and_keeps_what_is_observed():
    image, mask = picture()
    fill = stacking.misfit_fill(image, np.array([0.1, 0.3, 0.4, 0.2]))
    once = fill(image / 2, mask)
    np.testing.assert_allclose(fill(0.25 + image / 4, mask), 0.25 + once / 2, atol=1e-3)
    np.testing.assert_allclose(once[mask], image[mask] / 2, atol=1e-6)


TINY = change(
    RECIPE,
    {"field.width": 8, "field.depth": 2, "train.steps": 6, "train.chunk": 6, "train.fibers": 4},
)


def test_the_kriged_network_and_the_stack_itself_are_two_more_candidates():
    image, mask = picture()
    recovered = RNG.random(image.shape, dtype=np.float32)
    shares = training.trust(image, mask, TINY)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1, abs=1e-6)
    kriged = low_rank.denoise(image, mask, residual.krige_by_name(recovered, image, mask, "stacked"))
    candidates = kriged, stacking.grouped(image, mask), stacking.stacked(image, mask)
    found = training.finish(recovered, image, mask, TINY)
    np.testing.assert_allclose(found, np.tensordot(shares, np.stack(candidates), 1), atol=1e-6)
    np.testing.assert_array_equal(found[mask], image[mask])
    np.testing.assert_array_equal(training.finish(recovered, image, mask, change(TINY, {"kriging": "none"})), recovered)


def test_trust_is_that_of_a_fit_without_the_held_pixels_whatever_the_seed_and_the_missing_truth():
    image, mask = picture(2)
    shares = training.trust(image, mask, TINY)
    noise = RNG.random(image.shape, dtype=np.float32)
    other = training.trust(np.where(mask[..., None], image, noise), mask, change(TINY, {"seed": 5}))
    np.testing.assert_array_equal(other, shares)
    test = stacking.blind(image, mask)
    assert not (test.problem.mask & test.held).any()
    assert not test.problem.image[test.held].any()
    raw = training.solve(test.problem.signal, change(TINY, {"kriging": "none"}))
    blind, proportion = (test.problem.image, test.problem.mask), stacking.proportion(image, mask)
    stack = stacking.stack(*blind, proportion)
    starts = residual.krige_stacked(raw, *blind, proportion), stack
    candidates = np.stack([*(low_rank.denoise(*blind, start) for start in starts), stack])
    np.testing.assert_allclose(shares, stacking.shares(candidates, image, test.held), atol=1e-3)


def test_a_network_that_diverges_without_the_held_pixels_is_not_trusted():
    image, mask = picture(3)
    diverging = change(TINY, {"optimizer.field_rate": 1e30, "optimizer.matrix_rate": 1e30})
    shares = training.trust(image, mask, diverging)
    assert shares[0] == 0
    assert shares.sum() == pytest.approx(1, abs=1e-6)
