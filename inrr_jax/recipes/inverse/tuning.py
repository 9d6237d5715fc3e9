"""The choice of settings from the measurements alone, by one rule for every operator.

holdout: every candidate is fitted to a part of the measurements, and has the misfit of the others. discrepancy
(Morozov): every candidate is fitted to all measurements; the one with the largest misfit that is not above the variance
of the noise is chosen. sure: Stein's unbiased risk estimate for y = f + noise of standard deviation sigma,

    mean |f(y) - y|² - sigma² + 2 sigma² / (epsilon N) b . (f(y + epsilon b) - f(y)),

with random signs b (Ramani, Blu and Unser, IEEE TIP 2008, whose b is Gaussian).
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.holdout import hold_out_fifth
from inrr_jax.baselines.inverse import choice
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.masking import Masking
from inrr_jax.operators.noise import Gaussian
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout
from inrr_jax.recipes.inverse import guides
from inrr_jax.settings import Settings, TuneSettings

Values = Float[np.ndarray, "*grid C"]
Changes = dict[str, Any]
Solve = Callable[[Problem, Settings], Values]
Error = Callable[[Values], float]

STEP = 0.1
"""Epsilon of the risk estimate, in standard deviations of the noise."""


def tune(problem: Problem, settings: Settings, solve: Solve, log: Callable[[str], None]) -> Settings:
    """Return the settings with the candidates of `settings.tune` that their rule chooses.

    Args:
        problem: to be recovered; its truth is not used.
        settings: of the fit. Without axes they are returned unchanged.
        solve: recovers a problem.
        log: takes one line per candidate.

    Raises:
        UserError: a candidate is no setting, or the rule does not suit the operator.
        DivergedError: all candidates have diverged.
    """
    found = candidates(settings.tune)
    plain = replace(settings, tune=replace(settings.tune, axes=()))
    tried = [change(plain, changes) for changes in found]
    if len(tried) == 1:
        return tried[0]
    score, errors = _score(problem._replace(truth=None), settings.tune, solve), []
    for changes, candidate in zip(found, tried, strict=True):
        try:
            errors.append(score(candidate))
        except DivergedError:
            errors.append(np.nan)
        words = " ".join(f"{name.split('.', 1)[-1]}={value}" for name, value in changes.items())
        log(f"tune {len(errors)}/{len(tried)}: {words}: {errors[-1]:.4g}")
    return holdout.choose(tried, errors)


def chosen(settings: Settings, tuned: Settings) -> Changes:
    """Return the candidates, by name, that `tune` has chosen among those of the settings."""
    found = candidates(settings.tune)
    return next(each for each in found if change(settings, {**each, "tune.axes": ()}) == tuned)


def candidates(settings: TuneSettings) -> list[Changes]:
    """Return all combinations of the candidates; a single empty one without axes.

    Raises:
        UserError: the axes are not pairs of a name and of values.
    """
    try:
        names, values = zip(*settings.axes, strict=True) if settings.axes else ((), ())
        return [dict(zip(names, combined, strict=True)) for combined in itertools.product(*values)]
    except (TypeError, ValueError):
        raise UserError(f"tune.axes={settings.axes}: give ((NAME, (VALUE, ...)), ...)") from None


def hold_out(problem: Problem, share: float) -> tuple[Problem, Error]:
    """Return the problem without some of its measurements, and the misfit of a recovery at these.

    Raises:
        UserError: the operator cannot hold out measurements, or there are too few.
    """
    operator, measured = problem.operator, np.asarray(problem.measurements)
    if isinstance(operator, Masking):
        split = hold_out_fifth(np.asarray(operator.mask))
        return holdout.restrict(problem, split.training), lambda v: holdout.error(v, measured, split.held)
    return choice.hold_out(problem, share, whole=True)


def _score(problem: Problem, settings: TuneSettings, solve: Solve) -> Callable[[Settings], float]:
    """Return the function that a rule minimises."""
    if settings.rule == "holdout":
        hidden, error = hold_out(problem, settings.share)
        shared: dict[str, Problem] = {}  # by the kind of the first estimate, which is the same for all candidates

        def held_out(candidate: Settings) -> float:
            start = candidate.prior.start
            if start not in shared:
                shared[start] = guides.started(hidden, candidate)
            return error(solve(shared[start], candidate))

        return held_out
    noise = getattr(problem.operator, "noise", None)
    sigma = noise.sigma if isinstance(noise, Gaussian) else None
    if not sigma:
        raise UserError(f"tune.rule={settings.rule} needs the standard deviation of Gaussian noise: use holdout")
    if settings.rule == "discrepancy":
        return lambda candidate: discrepancy(problem, sigma, solve(problem, candidate))
    if not isinstance(problem.operator, Direct) or problem.operator.kept is not None:
        raise UserError("tune.rule=sure is for noise on all values themselves: use holdout or discrepancy")
    return lambda candidate: risk(problem, sigma, lambda p: solve(p, candidate))


def discrepancy(problem: Problem, sigma: float, values: Values) -> float:
    """Return 1 - misfit / sigma² if that is not negative, and misfit / sigma² otherwise, which is larger."""
    ratio = float(problem.operator.distance(jnp.asarray(values), jnp.asarray(problem.measurements))) / sigma**2
    return 1 - ratio if ratio <= 1 else ratio


def risk(problem: Problem, sigma: float, solve: Callable[[Problem], Values]) -> float:
    """Return Stein's unbiased estimate of the mean squared error of a recovery of noisy values."""
    noisy = np.asarray(problem.measurements)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], noisy.shape).astype(np.float32)
    first, second = solve(problem), solve(problem._replace(measurements=noisy + STEP * sigma * signs))
    divergence = np.mean(signs * (second - first)) / (STEP * sigma)
    return float(np.mean((first - noisy) ** 2) - sigma**2 + 2 * sigma**2 * divergence)
