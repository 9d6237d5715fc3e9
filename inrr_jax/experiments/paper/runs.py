"""Fits whose recoveries are recorded during training, and the formatting of their numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from inrr_jax.data import loading
from inrr_jax.errors import UserError
from inrr_jax.experiments.analysis import Trajectory
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.types import Params


class Property(NamedTuple):
    """The result of one measurement."""

    caption: str
    """Text under the figure."""
    table: list[dict[str, str]]
    """Rows with equal columns."""
    claims: dict[str, bool]
    """Each claim in words, and whether it holds in these numbers."""
    data: dict[str, Any]
    """Arrays and numbers that the figure of the same name in plots/paper.py is drawn from."""


class Run(NamedTuple):
    """One fit, recorded at T times, the first of them before the first step."""

    steps: Int[np.ndarray, "T"]
    recovered: Float[np.ndarray, "T H W C"]
    laplacians: list[Params]
    """For each time, the parameter groups of the regularisation terms that learn Laplacians."""


def load(settings: Settings) -> Problem:
    """Load the picture and the mask of a fit.

    Raises:
        UserError: they cannot be loaded, or the true values of the missing pixels, which every property needs, are
            unknown.
    """
    problem = loading.load(settings.data, settings.mask)
    if problem.truth is None:
        raise UserError("data.truth=False: the properties need the true values of missing pixels; give a whole picture")
    return problem


def seeded(settings: Settings, seed: int) -> Settings:
    """Return the settings with this seed for both the fit and its mask."""
    return change(settings, {"seed": seed, "mask.seed": seed})


def follow(problem: Problem, settings: Settings, laplacians: Params | None = None) -> Run:
    """Fit, and record the recovery before the first step and after every chunk of steps.

    Args:
        problem: the masked picture.
        settings: of the fit.
        laplacians: parameter groups that replace the initial ones of the same names; None for no replacement.
    """
    state, hyper, key = fit.init(problem, settings)
    # The groups are copied to the device, because the state is donated to the first chunk.
    state = state._replace(params={**state.params, **jax.tree.map(jnp.array, laplacians or {})})
    steps, recovered, learned = [], [], []

    def record(state):
        steps.append(int(state.step))
        recovered.append(np.array(fit.recover(state.params, hyper, problem.domain, settings)))
        learned.append({name: jax.tree.map(np.array, p) for name, p in state.params.items() if name != "field"})

    record(state)
    for fitted, _ in fit.fit(state, problem, hyper, key, settings):
        record(fitted)
    return Run(np.array(steps), np.stack(recovered), learned)


def final(problem: Problem, settings: Settings) -> Float[np.ndarray, "H W C"]:
    """Fit, and return the recovery after the last step."""
    return follow(problem, change(settings, {"train.chunk": settings.train.steps})).recovered[-1]


def trajectory(run: Run, problem: Problem) -> Trajectory:
    """Return the mean squared errors of a run on observed and on missing pixels."""
    mask = np.asarray(problem.operator.mask)
    errors = ((run.recovered - problem.truth[None]) ** 2).mean(axis=-1)
    return Trajectory(jnp.array(errors[:, mask].mean(axis=1)), jnp.array(errors[:, ~mask].mean(axis=1)))


def format_mean_and_deviation(
    values: Sequence[float] | Float[np.ndarray, "S"] | Int[np.ndarray, "S"], digits: int = 2
) -> str:
    """Return "mean ± standard deviation" of values from S >= 2 seeds; "inf" if all of them are infinite.

    The standard deviation is that of a sample, with S - 1 in the denominator.
    """
    values = np.asarray(values, np.float64)
    if np.isinf(values).all():
        return "inf"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"
