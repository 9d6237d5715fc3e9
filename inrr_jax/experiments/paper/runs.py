"""Fits whose recoveries are recorded during training, and the formatting of their numbers."""

import hashlib
import json
from collections.abc import MutableMapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key

from inrr_jax.data import loading
from inrr_jax.errors import UserError
from inrr_jax.experiments.analysis import Trajectory
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.types import HyperParameters, Params, State

REGULARIZERS: dict[str, dict[str, Any]] = {
    "none": {"regularizer.name": "none"},
    "AIR": {"regularizer.name": "air", "optimizer.laplacian_rate": 0.2},
    "INRR": {"regularizer.name": "inrr"},
}
"""Settings that each regulariser changes. AIR has its published weight; its free matrix needs a larger rate than INRR's
networks, which was chosen on another picture, camera."""

RARELY = 100
"""Steps between the records of a fit of which the end alone is used."""


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


class Runs:
    """Fits that are recorded during training. A fit that has been recorded before is read instead of repeated."""

    def __init__(self, recorded: MutableMapping[str, np.ndarray]):
        """Use a mapping of recordings: a dictionary, or `io.arrays.Arrays`, which keeps them in files."""
        self._recorded = recorded

    def follow(self, problem: Problem, settings: Settings, laplacians: Params | None = None) -> Run:
        """Fit, and record the recovery before the first step and after every chunk of steps.

        Args:
            problem: the masked picture.
            settings: of the fit.
            laplacians: parameter groups that replace the initial ones of the same names; None for no replacement.
        """
        state, hyper, key = fit.init(problem, settings)
        # The groups are copied to the device, because the state is donated to the first chunk.
        state = state._replace(params={**state.params, **jax.tree.map(jnp.array, laplacians or {})})
        initial, unravel = ravel_pytree(_learned(state.params))
        names = [f"{_digest(problem, settings, initial)}_{part}" for part in ("steps", "recovered", "laplacians")]
        if not all(name in self._recorded for name in names):
            self._recorded.update(zip(names, _record(state, problem, hyper, key, settings), strict=True))
        steps, recovered, learned = (self._recorded[name] for name in names)
        return Run(steps, recovered, [jax.tree.map(np.array, unravel(jnp.asarray(row))) for row in learned])

    def final(self, problem: Problem, settings: Settings) -> Float[np.ndarray, "H W C"]:
        """Fit, and return the recovery after the last step."""
        return self.follow(problem, change(settings, {"train.chunk": RARELY})).recovered[-1]


def _learned(params: Params) -> Params:
    """Return the parameter groups of the regularisation terms."""
    return {name: group for name, group in params.items() if name != "field"}


def _digest(problem: Problem, settings: Settings, initial: Float[Array, "P"]) -> str:
    """Return a hash of everything that a recording depends on."""
    content = hashlib.sha256(json.dumps(to_mapping(settings), sort_keys=True).encode())
    for array in (problem.measurements, np.asarray(problem.operator.mask), initial):
        content.update(np.asarray(array).tobytes())
    return content.hexdigest()[:16]


def _record(
    state: State, problem: Problem, hyper: HyperParameters, key: Key[Array, ""], settings: Settings
) -> tuple[np.ndarray, ...]:
    """Fit, and return the steps [T], the recoveries [T, H, W, C] and the flat Laplacian parameters [T, P]."""
    rows = []

    def add(state: State) -> None:
        recovered = fit.recover(state.params, hyper, problem.domain, settings)
        rows.append((int(state.step), np.array(recovered), np.array(ravel_pytree(_learned(state.params))[0])))

    add(state)
    for fitted, _ in fit.fit(state, problem, hyper, key, settings):
        add(fitted)
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


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
