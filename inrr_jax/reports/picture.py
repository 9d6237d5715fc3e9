"""The report of a picture under a mask."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.data import images
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values


class Report(base.Report):
    """The scores of all published tables, the harmonic fill, the recovered picture, and a figure of the run."""

    names: ClassVar = metrics.NAMES
    files: ClassVar = ("reconstruction.png", "comparison.png")

    def describe(self, problem: Problem) -> str:
        """Return the share of missing pixels."""
        return f"{100 * (1 - np.mean(problem.operator.mask)):.1f} % missing"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores of `metrics.summarize`."""
        return metrics.score(values, problem)

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the harmonic fill."""
        return {"harmonic": harmonic(np.asarray(problem.measurements), np.asarray(problem.operator.mask))}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the recovery with the observed pixels pasted, or the figure of the run."""
        from inrr_jax import plots  # matplotlib takes half a second to import

        problem, mask = recovery.problem, np.asarray(recovery.problem.operator.mask)
        if name == "reconstruction.png":
            images.save(path, metrics.paste(recovery.values, problem.measurements, mask))
            return
        has_truth = problem.truth is not None
        shown = np.asarray(problem.truth if has_truth else problem.measurements)
        plots.comparison(path, shown, mask, recovery.values, recovery.laplacians, recovery.rows, has_truth=has_truth)
