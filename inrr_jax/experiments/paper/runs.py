"""Fits that are looked at on the way, and how their numbers are told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from inrr_jax.data.problem import Problem
from inrr_jax.experiments.analysis import Trajectory
from inrr_jax.settings import Settings, change
from inrr_jax.training import fit as training
from inrr_jax.types import Params


class Property(NamedTuple):
    """What one experiment found."""

    caption: str
    table: list[dict[str, str]]
    """Rows with the same columns."""
    claims: dict[str, bool]
    """What is said to hold, and whether it does in these numbers."""
    data: dict[str, Any]
    """Arrays and numbers that the figure is drawn from."""


class Run(NamedTuple):
    """One fit at T times, its start among them."""

    steps: Int[np.ndarray, "T"]
    recovered: Float[np.ndarray, "T H W C"]
    laplacians: list[Params]
    """Parameter groups of what learns the Laplacians; for each time."""


def seeded(settings: Settings, seed: int) -> Settings:
    """Give the fit and its mask this seed."""
    return change(settings, {"seed": seed, "mask.seed": seed})


def follow(task: Problem, settings: Settings, laplacians: Params | None = None) -> Run:
    """Fit, and look at the recovery before the first step and after every chunk.

    Args:
        task: what is recovered.
        settings: of the fit.
        laplacians: parameter groups to start with instead of their own initialisation.
    """
    state, knobs, key = training.start(task.signal, settings)
    state = state._replace(params={**state.params, **jax.tree.map(jnp.array, laplacians or {})})
    steps, recovered, learned = [], [], []

    def look(state):
        steps.append(int(state.step))
        recovered.append(np.array(training.recover(state.params["field"], knobs.omega, task.image.shape, settings)))
        learned.append({name: jax.tree.map(np.array, p) for name, p in state.params.items() if name != "field"})

    look(state)
    for fitted, _ in training.fit(state, task.signal, knobs, key, settings):
        look(fitted)
    return Run(np.array(steps), np.stack(recovered), learned)


def final(task: Problem, settings: Settings) -> Float[np.ndarray, "H W C"]:
    """Fit, and return the recovery after the last step."""
    return follow(task, change(settings, {"train.chunk": settings.train.steps})).recovered[-1]


def trajectory(run: Run, task: Problem) -> Trajectory:
    """Return the run's mean squared errors on observed and on missing pixels."""
    errors = ((run.recovered - task.image[None]) ** 2).mean(axis=-1)
    return Trajectory(jnp.array(errors[:, task.mask].mean(axis=1)), jnp.array(errors[:, ~task.mask].mean(axis=1)))


def spread(values: Sequence[float] | Float[np.ndarray, "S"] | Int[np.ndarray, "S"], digits: int = 2) -> str:
    """Tell mean and standard deviation over seeds; infinity as it is."""
    values = np.asarray(values, np.float64)
    if np.isinf(values).all():
        return "inf"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"
