"""The report of a full waveform inversion."""

from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from inrr_jax import metrics
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values

LINE = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the way from the start model to the true velocity."""


class Report(base.Report):
    """Errors of the velocity, the misfit of the last band, and figures of models and gathers.

    rmse: root of the mean squared error of the velocity below the water, in m/s.
    ssim: structural similarity of the velocity, on the scale of the field's bounds.
    misfit: mean squared weighted difference of the records of the last band, where that of no wave at all is 1.
    """

    names: ClassVar = ("rmse", "ssim", "misfit")
    files: ClassVar = ("velocity.npy", "model.png", "gathers.png", "curves.png")

    def describe(self, problem: Problem) -> str:
        """Return the size of the survey."""
        shots, times, receivers, _ = problem.measurements.shape
        medium, bands = problem.operator.medium, len(problem.stages) + 1
        return f"{shots} shots, {receivers} receivers, {times} times of {1000 * medium.step:.2f} ms, {bands} bands"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores; those of the velocity are None if it is unknown."""
        misfit = float(_misfit(problem.operator, jnp.asarray(values), jnp.asarray(problem.measurements)))
        scores: Scores = {"rmse": None, "ssim": None, "misfit": misfit}
        if problem.truth is None:
            return scores
        below = slice(problem.operator.water[0], None)
        inside, truth = np.clip(values[below], 0, 1), np.asarray(problem.truth)[below]
        error = float(problem.units.scale[0]) * (inside - truth)
        return scores | {
            "rmse": float(np.sqrt(np.mean(np.square(error, dtype=np.float64)))),
            "ssim": metrics.ssim(np.asarray(inside, np.float32), truth),
        }

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the start model, if there is one."""
        start = problem.auxiliary.get("start")
        return {} if start is None else {"start": np.asarray(start)}

    def details(self, recovery: Recovery) -> dict[str, Any]:
        """Return misfit and error of the velocity at the end of every band, and `line`, the misfit towards the truth.

        `line` has the misfits of each band on the line from the start model to the true velocity, at the shares
        `LINE`. The last one is that of the truth, whose records are from another grid. A misfit that first rises has
        waves that the start model predicts more than half a period early or late (cycle skipping).
        """
        rows, edges = recovery.rows, _edges(recovery)
        ends = [
            max((row for row in rows if row["step"] <= edge), key=lambda row: row["step"], default=None)
            for edge in edges
        ]
        bands = [{k: row[k] for k in ("step", "fidelity", *self.names) if k in row} for row in ends if row]
        return {"bands": bands, "line": _line(recovery.problem)}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the velocity in m/s, or a figure."""
        problem, operator = recovery.problem, recovery.problem.operator
        velocity = np.asarray(operator.velocity(jnp.asarray(recovery.values)))
        if name == "velocity.npy":
            np.save(path, velocity)
            return
        from inrr_jax.plots.inverse import survey

        if name == "curves.png":
            survey.progress(path, recovery.rows, ("fidelity", *self.names), _edges(recovery)[:-1])
            return
        if name == "gathers.png":
            middle = problem.measurements.shape[0] // 2
            # As the misfit sees them: with its weights.
            weights = np.broadcast_to(operator.weights, problem.measurements.shape)[middle, ..., 0]
            observed = weights * np.asarray(problem.measurements)[middle, ..., 0]
            every = jax.jit(lambda v: operator.apply(v))(jnp.asarray(recovery.values))
            predicted = weights * np.asarray(every)[middle, ..., 0]
            shown = {"observed": observed, "predicted": predicted, "difference": observed - predicted}
            survey.gathers(path, shown, observed.shape[0] * operator.medium.step)
            return
        shown, errors = {}, []
        if problem.truth is not None:
            shown["true velocity"] = problem.units.to_own(np.asarray(problem.truth))[..., 0]
        for title, values in recovery.references.items():
            shown[title] = problem.units.to_own(values)[..., 0]
        shown["recovered"] = velocity
        if problem.truth is not None:
            error = f"error: {self.score(recovery.values, problem)['rmse']:.0f} m/s RMS"
            shown[error], errors = velocity - shown["true velocity"], [error]
        known = [values for title, values in shown.items() if title not in errors]
        limits = (min(float(v.min()) for v in known), max(float(v.max()) for v in known))
        survey.models(path, shown, problem.domain.spacing or (1.0, 1.0), limits, errors)


@jax.jit
def _misfit(operator, values, measurements):
    return operator.distance(values, measurements)


def _line(problem: Problem) -> list[list[float]] | None:
    """Return the misfits of each band from the start model to the truth; None if one of them is unknown.

    The bands share the simulation of each model, whose records are in proportion to the wavelet.
    """
    start, last = problem.auxiliary.get("start"), problem.operator
    if start is None or problem.truth is None:
        return None
    models = [jnp.asarray(start + share * (problem.truth - start), jnp.float32) for share in LINE]
    records = [_simulated(last, model) for model in models]
    found = []
    for operator, measured in (*problem.stages, (last, problem.measurements)):
        scale = float(np.abs(operator.wavelets).max() / np.abs(last.wavelets).max())
        found.append([float(_difference(operator, scale * record, jnp.asarray(measured))) for record in records])
    return found


@jax.jit
def _simulated(operator, values):
    return operator.simulated(values, jnp.arange(operator.wavelets.shape[0]))


@jax.jit
def _difference(operator, records, measurements):
    return operator.difference(records, measurements)


def _edges(recovery: Recovery) -> list[int]:
    """Return the last step of each band."""
    last, bands = max((row["step"] for row in recovery.rows), default=0), len(recovery.problem.stages) + 1
    return [round(last * (i + 1) / bands) for i in range(bands)]
