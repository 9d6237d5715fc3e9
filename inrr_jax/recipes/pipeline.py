"""The whole recovery of a problem: prepare, fit, correct, blend.

Each stage takes what it needs as arguments and returns a value, so that callers decide what is kept and what is shared
between fits. `solve` runs all stages for one fit; shared.py does so for many fits.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from absl import logging
from jaxtyping import Float

from inrr_jax.baselines.soft_impute import complete_matrix
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import Masking
from inrr_jax.operators.sampling import Sampling
from inrr_jax.priors import refinement, residual
from inrr_jax.priors.row_features import row_features
from inrr_jax.problem import Problem
from inrr_jax.recipes import blending, completion, interpolate, stacking
from inrr_jax.recipes.completion import Blend, Study
from inrr_jax.recipes.fills import FILLS
from inrr_jax.recipes.inverse import guides
from inrr_jax.recipes.stacking import Stack
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.programs import lacks
from inrr_jax.types import Image, Mask

Values = Float[np.ndarray, "*grid C"]
Solve = Callable[[Problem, Settings], Values]
"""Fits a prepared problem and returns the field's values on the grid."""
Log = Callable[[str], None]


class Prepared(NamedTuple):
    """A problem with all that its fit and the stages after it need."""

    problem: Problem
    """With the auxiliary arrays that the fit needs."""
    stack: Stack | None
    """If the guide or the stacked correction needs it."""


def solve(problem: Problem, settings: Settings, *, fit_one: Solve = fit.solve, log: Log = logging.info) -> Values:
    """Recover a signal: prepare the problem, fit the field, correct its residual and blend.

    Args:
        problem: measurements of the signal.
        settings: of the fit and of the stages around it.
        fit_one: runs a fit; replaced where fits are checkpointed.
        log: takes a line before each stage that may take long.

    Returns:
        Values on the whole grid: the field's own without a correction, in the range of the problem's bounds with one.

    Raises:
        UserError: the settings do not suit the problem.
        DivergedError: a loss term was no number.
    """
    prepared = prepare(problem, settings, fit_one=fit_one, log=log)
    raw = fit_one(prepared.problem, settings)
    return finish(raw, prepared, settings, log=log)


def prepare(problem: Problem, settings: Settings, *, fit_one: Solve = fit.solve, log: Log = logging.info) -> Prepared:
    """Compute the auxiliary arrays that a fit needs and the problem lacks, and the stack that later stages need.

    Raises:
        UserError: the settings need a masked picture, and the problem is none.
        DivergedError: the first fit, if the field needs one, has diverged.
    """
    # The first estimate comes before the stack, so that a first fit that diverges ends the run at once.
    if first := first_settings(problem, settings):
        problem = problem.with_auxiliary(first_estimate=fit_one(problem, first))
    if lacks(problem, settings, "guide") and isinstance(problem.operator, Sampling):
        log("guide: kriging with a learned covariance ...")
        problem = problem.with_auxiliary(guide=interpolate.guide(problem))
    if lacks(problem, settings, "features"):
        problem = problem.with_auxiliary(features=_features(problem, settings))
    if guides.needed(problem, settings):
        problem = problem.with_auxiliary(guide=guides.guide(problem, settings.prior, log))
    stack = build_stack(problem, settings, log) if needs_stack(problem, settings) else None
    if stack and lacks(problem, settings, "guide"):
        problem = problem.with_auxiliary(guide=stack.guide)
    return Prepared(problem, stack)


def finish(
    raw: Values,
    prepared: Prepared,
    settings: Settings,
    *,
    weights: Float[np.ndarray, "B"] | None = None,
    study: Study | None = None,
    log: Log = logging.info,
) -> Values:
    """Correct the residual of a fit at the observed pixels, and blend the result with the stack.

    Args:
        raw: the field's values on the grid.
        prepared: as `prepare` returns it for the same settings.
        settings: of the fit.
        weights: of the blend, as `blend_weights` returns them; None to compute them.
        study: of the combination with completions, as `blend_study` returns it; None to compute it.
        log: takes a line before a stage that may take long.

    Raises:
        UserError: a correction is set, and the problem is no masked picture.
    """
    if settings.correction == "none":
        return raw
    if settings.correction == "blended":
        return blended(raw, prepared.problem, settings, study=study, log=log).values
    image, mask = picture(prepared.problem, f"correction={settings.correction}")
    if settings.correction != "stacked":
        return residual.correct(raw, image, mask, FILLS[settings.correction].fill)
    stack = prepared.stack
    assert stack is not None
    # A recovery that is no number stays visible; patch groups would spread or hide it.
    if not np.isfinite(raw).all():
        return raw
    if weights is None:
        log("correction: patch groups, and a second fit without the held-out pixels ...")
        weights = blend_weights(prepared.problem, stack, settings)
    return blending.blend(raw, image, mask, stack.guide, weights)


def _features(problem: Problem, settings: Settings) -> Float[np.ndarray, "rows K"]:
    values, mask = picture(problem, "regularizer.name=inrr_features")
    term: Any = settings.regularizer.terms["inrr_features"]
    completed = complete_matrix(values[..., 0].astype(np.float64), mask)
    return row_features(np.where(mask, values[..., 0], completed), term.count)


def blended(
    raw: Values, problem: Problem, settings: Settings, *, study: Study | None = None, log: Log = logging.info
) -> Blend:
    """Combine the values of a fitted field with completions.

    Args:
        raw: the field's values on the grid.
        problem: a masked signal.
        settings: of the fit.
        study: as `blend_study` returns it; None to compute it.
        log: takes a line before a stage that may take long.

    Raises:
        UserError: the problem is no masked signal, or too little is observed.
    """
    return completion.blend(raw, problem, study or blend_study(problem, settings, log))


def blend_study(problem: Problem, settings: Settings, log: Log = logging.info) -> Study:
    """Return the completions of a problem, and their weights by a second fit with seed 0 on held-out entries.

    Like the `blend_weights`, it does not depend on the seed of the settings.

    Raises:
        UserError: the problem is no masked signal, or too little is observed.
    """
    second = seedless(replace(settings, correction="none"))
    return completion.study(problem, lambda hidden: solve(hidden, second), log)


def blend_weights(problem: Problem, stack: Stack, settings: Settings) -> Float[np.ndarray, "B"]:
    """Return the blend weights of a fit, by a second fit with seed 0 to the stack's hold-out problem.

    They do not depend on the seed of the settings, so fits that differ in the seed alone can share them.
    """
    # Seed 0 for all: the weights are then a property of the problem, and one second fit serves all seeds.
    second = seedless(replace(settings, correction="none"))
    guided = "guide" in settings.regularizer.terms
    return blending.blend_weights(problem, stack, lambda hidden: solve(hidden, second), guided)


def seedless(settings: Settings) -> Settings:
    """Return the settings with the default seed, data and mask: what fits of one problem have in common."""
    return replace(settings, seed=0, data=Settings().data, mask=Settings().mask)


def first_settings(problem: Problem, settings: Settings) -> Settings | None:
    """Return the settings of the fit that yields the auxiliary array `first_estimate`; None if it is not needed."""
    field = settings.field.first_fit()
    if field is None or "first_estimate" in problem.auxiliary:
        return None
    return replace(settings, field=field, regularizer=replace(settings.regularizer, name="none"), correction="none")


def needs_stack(problem: Problem, settings: Settings) -> bool:
    """Return whether the fit needs a guide that the problem lacks, or its correction needs the stack."""
    return settings.correction == "stacked" or lacks(problem, settings, "guide")


def build_stack(problem: Problem, settings: Settings, log: Log = logging.info) -> Stack:
    """Build the stack of a masked picture.

    Raises:
        UserError: the problem is no masked picture.
    """
    reason = "regularizer.name=guide" if lacks(problem, settings, "guide") else f"correction={settings.correction}"
    log("stack: fills, and their weights by held-out pixels ...")
    stack = stacking.build(*picture(problem, reason))
    for title, names, weights in (
        ("stack", stack.names, stack.weights),
        ("patch groups", refinement.RECIPE.names, stack.rounds),
    ):
        log(f"{title}: " + ", ".join(f"{name} {100 * w:.0f} %" for name, w in zip(names, weights, strict=True)))
    return stack


def picture(problem: Problem, reason: str) -> tuple[Image, Mask]:
    """Return the observed values [H, W, C], zero elsewhere, and the mask [H, W] of a masked picture.

    Raises:
        UserError: the problem is none; the message names the setting that needs one.
    """
    if not isinstance(problem.operator, Masking):
        raise UserError(f"{reason} is for pictures under a mask: the measurements are of another kind")
    if len(problem.domain.shape) != 2:
        raise UserError(f"{reason} is for pictures: the signal has {len(problem.domain.shape)} axes, not 2")
    # The fills take and return NumPy arrays, whatever they compute with.
    return np.asarray(problem.measurements), np.asarray(problem.operator.mask)
