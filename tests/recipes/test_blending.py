"""Blending: the weighted sum of refined network and guide, and its weights by a second fit."""

import numpy as np
import pytest

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.priors import refinement, residual
from inrr_jax.recipes import blending, pipeline, stacking
from inrr_jax.settings import RECIPE
from inrr_jax.training import fit

pytestmark = pytest.mark.usefixtures("quick_fills", "optimised_programs")

RNG = np.random.default_rng(0)
TINY = change(
    RECIPE,
    {"field.width": 8, "field.depth": 2, "train.steps": 6, "train.chunk": 6, "train.fibers": 4},
)


def picture(seed=0):
    """Draw waves with some noise, and a mask with 60 % observed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :15]
    waves = 0.5 + 0.3 * np.sin(rows / 3) * np.cos(columns / 4)
    image = waves + 0.05 * rng.standard_normal(waves.shape)
    return np.clip(image, 0, 1)[..., None].astype(np.float32), rng.random(waves.shape) < 0.6


def prepared(image, mask, settings=TINY):
    return pipeline.prepare(masked(image, mask), settings)


def weights_of(image, mask, settings=TINY):
    given = prepared(image, mask, settings)
    return pipeline.blend_weights(given.problem, given.stack, settings)


def test_the_refined_network_and_the_guide_are_blended():
    image, mask = picture()
    recovered, given = RNG.random(image.shape, dtype=np.float32), prepared(image, mask)
    weights = np.float32([0.2, 0.3, 0.5])
    corrected = residual.correct(recovered, image, mask, harmonic)
    candidates = [*refinement.candidates(image, mask, corrected, refinement.FEW), stacking.grouped(image, mask)]
    found = pipeline.finish(recovered, given, TINY, weights=weights)
    np.testing.assert_allclose(found, np.tensordot(weights, np.stack(candidates), 1), atol=1e-5)
    np.testing.assert_array_equal(found[mask], image[mask])
    weights = weights_of(image, mask)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    expected = pipeline.finish(recovered, given, TINY, weights=weights)
    np.testing.assert_array_equal(pipeline.finish(recovered, given, TINY), expected)
    np.testing.assert_array_equal(pipeline.finish(recovered, given, change(TINY, {"correction": "none"})), recovered)


def test_a_network_without_weight_is_not_refined(monkeypatch):
    image, mask = picture()
    monkeypatch.setattr(blending, "candidates", None)
    guide = RNG.random(image.shape, dtype=np.float32)
    assert blending.blend(image, image, mask, guide, np.float32([0, 0, 1])) is guide


def test_the_weights_are_those_of_a_fit_without_held_out_pixels_whatever_the_seed_and_the_missing_values():
    image, mask = picture(2)
    weights = weights_of(image, mask)
    noise = np.where(mask[..., None], image, RNG.random(image.shape, dtype=np.float32))
    np.testing.assert_array_equal(weights_of(noise, mask, change(TINY, {"seed": 5})), weights)
    stack = stacking.build(image, mask)
    hidden = stack.hidden.problem
    assert not (hidden.mask & hidden.held).any()
    assert not hidden.image[hidden.held].any()
    guide = stack.hidden.guide
    plain = change(TINY, {"correction": "none"})
    raw = fit.solve(masked(hidden.image, hidden.mask, truth=False).with_auxiliary(guide=guide), plain)
    candidates = blending.candidates(raw, hidden.image, hidden.mask, guide)
    np.testing.assert_allclose(weights, stacking.error_weights(candidates, image, hidden.held), atol=1e-3)


def test_a_network_that_diverges_without_the_held_out_pixels_has_no_weight():
    image, mask = picture(3)
    weights = weights_of(image, mask, change(TINY, {"optimizer.field_rate": 1e30, "optimizer.matrix_rate": 1e30}))
    np.testing.assert_array_equal(weights, [0, 0, 1])


def test_one_observed_pixel_gives_the_guide_without_a_fit():
    image, mask = picture()
    lonely = np.zeros_like(mask)
    lonely[3, 4] = True

    def fail(problem):
        raise AssertionError("a problem without held-out pixels was fitted")

    weights = blending.blend_weights(masked(image, lonely), stacking.build(image, lonely), fail, guided=True)
    np.testing.assert_array_equal(weights, [0, 0, 1])
