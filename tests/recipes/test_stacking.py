"""The stack: its weights by held-out pixels, the weighted sum of fills, and its refinement."""

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines import patch_fill
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.holdout import components
from inrr_jax.baselines.patch_fill import first_estimate, locally_linear, locally_linear_fine
from inrr_jax.baselines.wnll import wnll
from inrr_jax.priors import refinement
from inrr_jax.recipes import holdout, stacking

pytestmark = pytest.mark.usefixtures("quick_fills", "optimised_programs")

RNG = np.random.default_rng(0)
SCATTERED = RNG.random((16, 15)) >= 0.3
HOLE = np.ones((16, 15), bool)
HOLE[4:12, 3:11] = False


def picture(seed=0):
    """Draw waves with some noise, and a mask with 60 % observed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :15]
    waves = 0.5 + 0.3 * np.sin(rows / 3) * np.cos(columns / 4)
    image = waves + 0.05 * rng.standard_normal(waves.shape)
    return np.clip(image, 0, 1)[..., None].astype(np.float32), rng.random(waves.shape) < 0.6


def test_weights_are_convex_and_their_combination_errs_less_than_any_candidate():
    common = RNG.standard_normal(500)
    errors = np.stack([common + RNG.standard_normal(500), common + RNG.standard_normal(500), 9 * common], axis=1)
    weights = stacking.minimal_error_weights(errors, 100)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert weights[2] < 0.01
    assert np.mean((errors @ weights) ** 2) < (errors**2).mean(0).min()


@pytest.mark.parametrize("components", [1, 20])
def test_weights_of_two_candidates_equal_a_search_over_all_weights(components):
    errors = RNG.standard_normal((300, 2)) * [1.0, 1.5]
    gram = errors.T @ errors / 300
    scale, first = gram.diagonal().min(), np.linspace(0, 1, 100_001)
    both = np.stack([first, 1 - first])
    independent = 1 / gram.diagonal() / (1 / gram.diagonal()).sum()
    cost = np.einsum("in,ij,jn->n", both, gram, both) + scale / components * ((both - independent[:, None]) ** 2).sum(0)
    assert stacking.minimal_error_weights(errors, components)[0] == pytest.approx(first[cost.argmin()], abs=1e-3)


def test_the_pixels_of_a_component_count_as_one_observation():
    image = RNG.random((12, 12, 1), dtype=np.float32)
    good, bad = image + 0.01, image + np.float32(0.02) * RNG.choice(np.float32([-1, 1]), image.shape)
    block, scattered = np.zeros((2, 12, 12), bool)
    block[3:6, 3:6] = True
    scattered[1::4, 1::4] = True
    assert block.sum() == scattered.sum() == 9
    one, many = (stacking.error_weights(np.stack([good, bad]), image, held)[0] for held in (block, scattered))
    assert 0.5 < one < many - 0.05


def test_one_region_where_all_fail_does_not_decide_for_the_picture():
    image, held = np.full((64, 64, 1), 0.5, np.float32), RNG.random((64, 64)) < 0.5
    noise = RNG.standard_normal((2, 64, 64, 1)).astype(np.float32)
    candidates = image + noise * np.float32([0.01, 0.03])[:, None, None, None]
    assert stacking.error_weights(candidates, image, held)[0] > 0.8
    candidates[:, :8, :8] = image[:8, :8] + noise[:, :8, :8] * np.float32([0.9, 0.6])[:, None, None, None]
    errors = (candidates - image)[:, held].reshape(2, -1).T
    assert stacking.minimal_error_weights(errors, components(held)[1])[0] < 0.5
    assert stacking.error_weights(candidates, image, held)[0] > 0.7


def test_of_large_holes_as_many_components_are_held_out_as_fit():
    mask = np.ones((96, 96), bool)
    mask[40:56, 40:56] = False
    problem = holdout.hold_out_components(RNG.random((96, 96, 1), dtype=np.float32), mask)
    assert components(problem.held)[1] > 3
    assert not (problem.held & ~mask).any()
    np.testing.assert_array_equal(problem.mask, mask & ~problem.held)


@pytest.mark.parametrize("errors", [np.zeros((5, 3)), np.ones((4, 3)) * 0.2])
def test_candidates_with_equal_errors_have_equal_weights(errors):
    np.testing.assert_allclose(stacking.minimal_error_weights(errors, 20), 1 / 3, atol=1e-3)


def weights_of(image, mask):
    return stacking.build(image, mask).weights


def test_the_weights_depend_on_observed_pixels_and_not_on_missing_ones():
    image, mask = picture()
    noise = RNG.random(image.shape, dtype=np.float32)
    weights = weights_of(image, mask)
    np.testing.assert_array_equal(weights_of(np.where(mask[..., None], image, noise), mask), weights)
    np.testing.assert_array_equal(weights_of(np.where(mask[..., None], image, np.float32(np.nan)), mask), weights)
    assert abs(weights_of(np.where(mask[..., None], noise, image), mask) - weights).max() > 0.01


def test_the_stack_is_the_sum_of_its_fills_and_no_worse_than_the_worst():
    image, mask = picture()
    fills = stacking.fill_all(image, mask, stacking.starts(mask))
    stack = stacking.build(image, mask)
    expected = sum(weight * fill for weight, fill in zip(stack.weights, fills, strict=True))
    np.testing.assert_allclose(stack.stacked, expected, atol=1e-6)
    np.testing.assert_array_equal(stack.stacked[mask], image[mask])
    np.testing.assert_array_equal(stacking.stacked(image, mask), stack.stacked)
    refined = refinement.candidates(image, mask, stack.stacked)
    np.testing.assert_allclose(stack.guide, np.tensordot(stack.rounds, refined, 1), atol=1e-6)
    assert stack.rounds[1:].sum() > 0
    np.testing.assert_array_equal(stacking.grouped(image, mask), stack.guide)
    psnr = metrics.psnr(stack.stacked, image, ~mask)
    assert psnr > min(metrics.psnr(fill, image, ~mask) for fill in fills)


def test_the_weights_are_those_of_the_fills_errors_on_held_out_pixels():
    image, mask = picture(1)
    stack = stacking.build(image, mask)
    problem = holdout.hold_out_components(np.where(mask[..., None], image, 0), mask)
    hidden = stack.hidden
    np.testing.assert_array_equal(hidden.problem.held, problem.held)
    assert not hidden.problem.image[problem.held].any()
    np.testing.assert_array_equal(hidden.fills, stacking.fill_all(problem.image, problem.mask, stacking.starts(mask)))
    np.testing.assert_array_equal(stacking.error_weights(hidden.fills, image, problem.held), stack.weights)
    np.testing.assert_array_equal(stacking.error_weights(hidden.refined, image, problem.held), stack.rounds)
    np.testing.assert_allclose(hidden.guide, np.tensordot(stack.rounds, hidden.refined, 1), atol=1e-6)


@pytest.mark.parametrize("mask", [SCATTERED, HOLE], ids=["scattered", "hole"])
def test_every_fill_on_a_graph_begins_with_the_one_before(mask):
    image, _ = picture()
    fills = stacking.fill_all(np.where(mask[..., None], image, np.nan), mask, [harmonic, first_estimate])
    np.testing.assert_array_equal(fills[0], harmonic(image, mask))
    for start, chain in ((harmonic, fills[1:4]), (first_estimate, fills[4:])):
        similar = wnll(image, mask, rounds=patch_fill.WNLL_ROUNDS, start=start(image, mask))
        combined = locally_linear(image, mask, rounds=1, start=similar)
        fine = locally_linear_fine(image, mask, rounds=1, start=combined)
        for found, expected in zip(chain, (similar, combined, fine), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_deep_holes_have_two_chains_of_fills_and_scattered_pixels_one():
    assert stacking.names(stacking.starts(SCATTERED)) == ("harmonic", *patch_fill.CHAIN)
    hole = np.pad(HOLE, 4, constant_values=True)
    assert stacking.starts(hole) == (harmonic, first_estimate)
    names = stacking.names(stacking.starts(hole))
    assert names[1:] == (*(f"{name} from harmonic" for name in patch_fill.CHAIN), *patch_fill.CHAIN)
    assert stacking.build(RNG.random((*hole.shape, 1), dtype=np.float32), hole).names == names


def test_one_observed_pixel_gives_equal_weights():
    image, mask = picture()
    lonely = np.zeros_like(mask)
    lonely[3, 4] = True
    stack = stacking.build(image, lonely)
    np.testing.assert_allclose(stack.weights, 1 / 4)
    assert stack.hidden is None
    np.testing.assert_array_equal(stack.guide, stack.stacked)
    np.testing.assert_allclose(stacking.stacked(image, lonely), image[3, 4].item(), atol=1e-4)
