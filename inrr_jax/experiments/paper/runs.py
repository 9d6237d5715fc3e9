"""Fits whose recoveries are recorded during training, and the formatting of their numbers."""

import hashlib
import json
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
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

REGULARIZERS = {"none": "none", "Tikhonov": "grid", "TV": "tv", "AIR": "air", "INRR": "inrr"}
"""The setting regularizer.name of each regulariser."""
AIR_RATE = 10.0
"""Rate of AIR's free matrices over that of INRR's networks. It was chosen on another picture, camera."""
PARTS = ("steps", "recovered", "laplacians")
"""The arrays of a recording."""


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


def regularized(settings: Settings, name: str) -> Settings:
    """Return the settings with a regulariser of `REGULARIZERS`.

    INRR has the weight of the settings, every other term its default weight, which is its published one if it has one.
    """
    rate = settings.optimizer.laplacian_rate * (AIR_RATE if name == "AIR" else 1.0)
    return change(settings, {"regularizer.name": REGULARIZERS[name], "optimizer.laplacian_rate": rate})


class Runs:
    """Fits that are recorded during training.

    A fit that has been recorded before is read instead of repeated, and one that was interrupted is continued.
    """

    def __init__(
        self, recorded: MutableMapping[str, np.ndarray], report: Callable[[int, int], None] = lambda done, total: None
    ):
        """Use a mapping of recordings.

        Args:
            recorded: a dictionary, or `io.arrays.Arrays`, which keeps the recordings in files.
            report: takes the numbers of finished and of all steps of a fit, at its start and after every record.
        """
        self._recorded, self._report = recorded, report

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
        digest = _digest(problem, settings, initial)
        if not self._finished(digest, settings):
            self._record(digest, state, problem, hyper, key, settings)
        steps, recovered, learned = (self._recorded[f"{digest}_{part}"] for part in PARTS)
        return Run(steps, recovered, [jax.tree.map(np.array, unravel(jnp.asarray(row))) for row in learned])

    def _finished(self, digest: str, settings: Settings) -> bool:
        if not all(f"{digest}_{part}" in self._recorded for part in PARTS):
            return False
        return bool(self._recorded[f"{digest}_steps"][-1] == settings.train.steps)

    def _record(
        self,
        digest: str,
        start: State,
        problem: Problem,
        hyper: HyperParameters,
        key: Key[Array, ""],
        settings: Settings,
    ) -> None:
        """Fit, and store the recording and the state after every chunk; remove the state at the end."""
        record = partial(_record, hyper=hyper, problem=problem, settings=settings)
        state, columns = self._resume(digest, start, record(start))
        self._report(int(state.step), settings.train.steps)
        for fitted, _ in fit.fit(state, problem, hyper, key, settings):
            columns = [np.concatenate(pair) for pair in zip(columns, record(fitted), strict=True)]
            self._recorded.update({f"{digest}_{part}": column for part, column in zip(PARTS, columns, strict=True)})
            self._recorded[f"{digest}_state"] = np.array(ravel_pytree(fitted)[0])
            self._report(int(fitted.step), settings.train.steps)
        self._recorded.pop(f"{digest}_state", None)

    def _resume(self, digest: str, start: State, first: Sequence[np.ndarray]) -> tuple[State, Sequence[np.ndarray]]:
        """Return the last stored state and the records up to it; without one, the start and its record."""
        if f"{digest}_state" not in self._recorded:
            return start, first
        state = ravel_pytree(start)[1](jnp.asarray(self._recorded[f"{digest}_state"]))
        # The state is stored last, so that an interruption may leave one record more than it has.
        kept = self._recorded[f"{digest}_steps"] <= int(state.step)
        return state, [self._recorded[f"{digest}_{part}"][kept] for part in PARTS]


def _record(state: State, hyper: HyperParameters, problem: Problem, settings: Settings) -> Sequence[np.ndarray]:
    """Return the `PARTS` of one record: step [1], recovery [1, H, W, C] and flat Laplacian parameters [1, P]."""
    recovered = fit.recover(state.params, hyper, problem.domain, settings)
    learned = ravel_pytree(_learned(state.params))[0]
    return np.array(state.step)[None], np.array(recovered)[None], np.array(learned)[None]


def _learned(params: Params) -> Params:
    """Return the parameter groups of the regularisation terms."""
    return {name: group for name, group in params.items() if name != "field"}


def _digest(problem: Problem, settings: Settings, initial: Float[Array, "P"]) -> str:
    """Return a hash of everything that a recording depends on."""
    content = hashlib.sha256(json.dumps(to_mapping(settings), sort_keys=True).encode())
    for array in (problem.measurements, np.asarray(problem.operator.mask), initial):
        content.update(np.asarray(array).tobytes())
    return content.hexdigest()[:16]


def trajectory(run: Run, problem: Problem) -> Trajectory:
    """Return the mean squared errors of a run on observed and on missing pixels."""
    mask = np.asarray(problem.operator.mask)
    errors = ((run.recovered - problem.truth[None]) ** 2).mean(axis=-1)
    return Trajectory(jnp.array(errors[:, mask].mean(axis=1)), jnp.array(errors[:, ~mask].mean(axis=1)))


def format_mean_and_deviation(
    values: Sequence[float] | Float[np.ndarray, "S"] | Int[np.ndarray, "S"], digits: int = 2
) -> str:
    """Return "mean ± standard deviation" of values from S seeds; "inf" if all of them are infinite.

    The standard deviation is that of a sample, with S - 1 in the denominator. The value of a single seed has none.
    """
    values = np.asarray(values, np.float64)
    if np.isinf(values).all():
        return "inf"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"
