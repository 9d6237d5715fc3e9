r"""The guide of a fit: the recovery on the grid to which a field is fitted, if an operator measures the grid.

For pictures it is that of the splitting loop, for other signals that of total variation. Where the measurements leave
much open, no strength of the prior is best for every signal, and the first estimate may be better than all loops. With
`prior.levels` the guide is therefore a convex combination of the recoveries V_k of a loop for each level of the noise,
and of the first estimate:

    V = sum_k w_k V_k,    w = argmin |sum_k w_k r_k|^2 / N + a ridge  over  w >= 0, sum w = 1

with the deviance residuals r_k = sign(A V_k - y) sqrt(misfit) at N measurements that all candidates have been computed
without (`stacking.minimal_error_weights`). For a linear operator and Gaussian noise, the first term is the misfit of
the combination. Whole views are held out, if there are views: a single ray is predicted by its neighbours in the view.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from absl import logging
from jaxtyping import Float

from inrr_jax.baselines.inverse import tv
from inrr_jax.errors import UserError
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.problem import Problem
from inrr_jax.recipes import stacking
from inrr_jax.recipes.inverse import splitting
from inrr_jax.recipes.inverse.splitting import Picture
from inrr_jax.settings import PriorSettings, Settings
from inrr_jax.training.programs import lacks

SHARE = 0.2
"""Of the blocks of measurements, such as views, that are held out for the weights."""
NEGLIGIBLE = 0.03
"""Smaller weights become zero, so that their loops need not run again."""


def needed(problem: Problem, settings: Settings) -> bool:
    """Return whether a fit needs the guide of this file: one for a signal that an operator on its grid measures."""
    return isinstance(problem.operator, GridOperator) and lacks(problem, settings, "guide")


def started(problem: Problem, settings: Settings) -> Problem:
    """Return the problem with the first estimate of the loop, if its fit needs the guide of the loop."""
    if not needed(problem, settings) or not _is_picture(problem):
        return problem
    return problem.with_auxiliary(**{splitting.START: splitting.first_estimate(problem, settings.prior)})


def guide(
    problem: Problem, prior: PriorSettings, log: Callable[[str], None] = logging.info
) -> Float[np.ndarray, "*grid C"]:
    """Return the recovery to which a field is fitted: that of the loop for pictures, total variation for others.

    Raises:
        UserError: `prior.levels` are no levels, or there are too few measurements to hold some out.
    """
    if not _is_picture(problem):
        log("guide: total variation ...")
        return tv.tv(problem)
    if prior.levels:
        return combined(problem, prior, log)
    log("guide: the splitting loop ...")
    return splitting.recover(problem, prior)


def combined(problem: Problem, prior: PriorSettings, log: Callable[[str], None] = logging.info) -> Picture:
    """Return the combination of the first estimate and of the loops of all levels that held-out measurements weight.

    Raises:
        UserError: as `guide`.
    """
    if not all(isinstance(level, int | float) and 0 < level < np.inf for level in prior.levels):
        raise UserError(f"prior.levels={prior.levels}: give deviations of the noise above 0, such as (0.04, 0.08)")
    operator, shape = problem.operator, np.shape(problem.measurements)
    fitted, held = operator.hold_out(shape, 0, SHARE, whole=True)
    log("guide: without some of the measurements ...")
    weights = weigh(problem, held, candidates(problem._replace(operator=fitted, truth=None), prior, log))
    parts = [f"{level:g}: {weight:.2f}" for level, weight in zip(prior.levels, weights[1:], strict=True)]
    log(f"guide: weights: first estimate {weights[0]:.2f}, levels {', '.join(parts)}")
    used = np.append(True, weights[1:] > 0)  # the first estimate always is a candidate
    fewer = replace(prior, levels=tuple(itertools.compress(prior.levels, used[1:])))
    return np.tensordot(weights[used], candidates(problem, fewer, log), 1).astype(np.float32)


def candidates(
    problem: Problem, prior: PriorSettings, log: Callable[[str], None] = logging.info
) -> Float[np.ndarray, "K H W C"]:
    """Return the first estimate, and the recoveries of the loops of all levels from it."""
    first = splitting.first_estimate(problem, prior)
    problem, found = problem.with_auxiliary(**{splitting.START: first}), [first]
    for number, level in enumerate(prior.levels, start=1):
        log(f"guide: splitting loop {number} of {len(prior.levels)}, noise {level:g} ...")
        found.append(splitting.recover(problem, replace(prior, noise=level)))
    return np.stack(found)


def weigh(problem: Problem, held: GridOperator, hidden: Float[np.ndarray, "K H W C"]) -> Float[np.ndarray, "K"]:
    """Return weights with the sum 1 by the deviance residuals at measurements that are held out.

    Args:
        problem: with all measurements.
        held: its operator, which keeps the held-out measurements alone.
        hidden: the candidates without these measurements.
    """
    measured = jnp.asarray(problem.measurements)
    where = np.broadcast_to(held.kept, measured.shape)

    def residuals(values: Float[np.ndarray, "H W C"]) -> Float[np.ndarray, "N"]:
        predicted = held.apply(jnp.asarray(values))
        misfit = held.noise.misfit(predicted, measured).clip(0)
        return np.asarray(jnp.sign(predicted - measured) * jnp.sqrt(misfit))[where]

    blocks = np.broadcast_to(held.blocks(measured.shape), measured.shape)[where]
    errors = np.stack([residuals(values) for values in hidden], 1)
    weights = stacking.minimal_error_weights(errors, len(np.unique(blocks)))
    weights = np.where(weights < NEGLIGIBLE, 0, weights)
    return weights / weights.sum()


def _is_picture(problem: Problem) -> bool:
    """Return whether a signal has two axes, as the denoiser of the loop needs."""
    return len(problem.domain.shape) == 2
