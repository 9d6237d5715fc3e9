"""Blending: a convex combination of the refined network and the guide, weighted by held-out pixels."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.errors import DivergedError
from inrr_jax.operators.masking import paste
from inrr_jax.priors import refinement, residual
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout, stacking
from inrr_jax.recipes.stacking import Stack
from inrr_jax.types import Image, Mask

ROUNDS = refinement.FEW
"""Few, because the guide that the network has fitted is refined already."""


def candidates(raw: Float[np.ndarray, "H W C"], image: Image, mask: Mask, guide: Image) -> Float[np.ndarray, "B H W C"]:
    """Return the refined network and the guide: B recoveries, of which the guide is the last.

    Args:
        raw: the field's values on the grid.
        image: in [0, 1]; its values at missing pixels are not used.
        mask: True where observed.
        guide: of the same picture.
    """
    corrected = residual.correct(raw, image, mask, harmonic)
    return np.concatenate([refinement.candidates(image, mask, corrected, ROUNDS), guide[None]])


def blend(
    raw: Float[np.ndarray, "H W C"], image: Image, mask: Mask, guide: Image, weights: Float[np.ndarray, "B"]
) -> Image:
    """Return the weighted sum of the `candidates`, and the observed values where there are any.

    Args:
        raw: the field's values on the grid; not used if only the guide has a weight.
        image: in [0, 1]; its values at missing pixels are not used.
        mask: True where observed.
        guide: of the same picture.
        weights: of the candidates.
    """
    if not weights[:-1].any():
        return guide
    blended = np.tensordot(weights, candidates(raw, image, mask, guide), 1)
    return paste(blended, image, mask).astype(np.float32)


def blend_weights(
    problem: Problem, stack: Stack, solve: Callable[[Problem], Float[np.ndarray, "H W C"]], guided: bool
) -> Float[np.ndarray, "B"]:
    """Return the weights of the candidates by their errors on held-out pixels.

    This takes a second fit, to the hold-out problem of the stack, whose guide has the weights that its pixels have
    chosen.

    Args:
        problem: the picture and its mask.
        stack: of this picture.
        solve: fits a problem and returns the field's values on the grid.
        guided: whether the fit needs the guide.

    Returns:
        Weights with sum 1; the guide alone if fewer than two pixels are observed or the second fit diverged.
    """
    only_guide = np.eye(len(ROUNDS.names) + 1, dtype=np.float32)[-1]
    if stack.hidden is None:
        return only_guide
    image, mask, held = stack.hidden.problem
    hidden = holdout.restrict(problem, mask)
    try:
        raw = solve(hidden.with_auxiliary(guide=stack.hidden.guide) if guided else hidden)
    except DivergedError:
        return only_guide
    recovered = candidates(raw, image, mask, stack.hidden.guide)
    return stacking.error_weights(recovered, problem.measurements, held).astype(np.float32)
