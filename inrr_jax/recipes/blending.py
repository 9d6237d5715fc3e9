"""Blending: a convex combination of corrected network, guide and stacked fill, weighted by held-out pixels."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from inrr_jax.errors import DivergedError
from inrr_jax.operators.masking import paste
from inrr_jax.priors import low_rank
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout, stacking
from inrr_jax.recipes.stacking import Stack
from inrr_jax.types import Image, Mask


def blend(
    corrected: Float[np.ndarray, "H W C"], image: Image, mask: Mask, stack: Stack, weights: Float[np.ndarray, "3"]
) -> Image:
    """Return a K + b Z + c S, and the observed values where there are any.

    K is the corrected recovery after low-rank denoising of its patch groups, Z the guide and S the stacked fill.

    Args:
        corrected: the network's recovery after the residual correction, in [0, 1].
        image: in [0, 1]; its values at missing pixels are not used.
        mask: True where observed.
        stack: of this picture.
        weights: a, b and c.
    """
    candidates = low_rank.denoise(image, mask, corrected), stack.guide, stack.stacked
    blended = np.tensordot(weights, np.stack(candidates), 1)
    return paste(blended, image, mask).astype(np.float32)


def blend_weights(
    problem: Problem, stack: Stack, solve: Callable[[Problem], Float[np.ndarray, "H W C"]], guided: bool
) -> Float[np.ndarray, "3"]:
    """Return the weights of K, Z and S by their errors on held-out pixels.

    This takes a second fit, to the hold-out problem of the stack, with the fill weights that its pixels have chosen.

    Args:
        problem: the picture and its mask.
        stack: of this picture.
        solve: fits a problem and returns the field's values on the grid.
        guided: whether the fit needs the guide.

    Returns:
        Three weights with sum 1; equal ones if fewer than two pixels are observed, and none for K if the fit diverged.
    """
    if stack.held_out is None or stack.held_out_fills is None:
        return np.full(3, 1 / 3, np.float32)
    image, mask, held = stack.held_out
    stacked = stacking.combine(image, mask, stack.weights, stack.held_out_fills)
    guide = low_rank.denoise(image, mask, stacked)
    hidden = holdout.restrict(problem, mask)
    try:
        raw = solve(hidden.with_auxiliary(guide=guide) if guided else hidden)
    except DivergedError:
        others = stacking.error_weights(np.stack([guide, stacked]), problem.measurements, held)
        return np.array([0, *others], np.float32)
    corrected = stacking.correct(raw, image, mask, stack.weights)
    candidates = np.stack([low_rank.denoise(image, mask, corrected), guide, stacked])
    return stacking.error_weights(candidates, problem.measurements, held).astype(np.float32)
