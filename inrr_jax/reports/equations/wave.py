"""The report of a pulse on a string."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from inrr_jax.baselines import finite_differences
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values, relative_error


class Report(base.Report):
    """The relative error against d'Alembert's solution, and that of finite differences."""

    names: ClassVar = ("relative_error",)
    files: ClassVar = ("comparison.png",)

    def describe(self, problem: Problem) -> str:
        """Return the speed."""
        return f"u_tt = c² u_xx with c = {problem.operator.constraints[0].residual.keywords['speed']:g}"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return |u - truth| / |truth| over all times and places."""
        return {"relative_error": relative_error(values, problem.truth)}

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the leapfrog scheme on the same grid; its Courant number is c."""
        speed = problem.operator.constraints[0].residual.keywords["speed"]
        # The grid is equal along both axes, so dt / dx is 1. Larger speeds need more steps in time.
        finer = max(1, int(np.ceil(speed)))
        steps = finer * (problem.domain.shape[0] - 1) + 1
        solved = finite_differences.solve_wave(np.asarray(problem.truth)[0, :, 0], steps, speed / finer)
        return {"finite differences": solved[::finer, :, None]}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Draw the truth, the field and both errors, with time downwards."""
        from inrr_jax.plots import panels

        truth = np.asarray(recovery.problem.truth)[..., 0]
        shown, limit = {"d'Alembert, time downwards": truth}, {}
        for title, values in {"network": recovery.values, **recovery.references}.items():
            shown[title] = values[..., 0]
            shown[f"{title}: error"] = values[..., 0] - truth
        limit = {title: 0.1 if title.endswith("error") else 1.0 for title in shown}
        panels.maps(path, shown, limit=limit, columns=5)
