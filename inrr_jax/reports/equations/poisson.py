"""The report of a picture from its derivatives."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines import finite_differences
from inrr_jax.data.kinds.equations.poisson import Differences
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values


class Report(base.Report):
    """PSNR and SSIM up to a constant, the sparse finite-difference solve of the same data, and a figure."""

    names: ClassVar = ("psnr", "ssim")
    files: ClassVar = ("comparison.png",)

    def describe(self, problem: Problem) -> str:
        """Return how many constraints there are."""
        return f"{len(problem.operator.constraints[0].points)} points with derivatives"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores after the best constant of each channel has been added."""
        shifted = shift(values, problem.truth)
        psnr = float(metrics.psnr(shifted, problem.truth))
        return {"psnr": psnr if np.isfinite(psnr) else None, "ssim": metrics.ssim(shifted, np.asarray(problem.truth))}

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the sparse solve in the sense of least squares, or with the given border."""
        if isinstance(problem.measurements, Differences):
            return {"sparse solve": finite_differences.integrate(*problem.measurements)}
        inside, border = problem.operator.constraints
        mask = np.zeros(problem.domain.shape, bool)
        mask[1:-1, 1:-1] = True
        fixed, source = (np.zeros((*problem.domain.shape, problem.domain.channels), np.float32) for _ in range(2))
        fixed[~mask], source[mask] = border.data, inside.data[0]
        return {"sparse solve": finite_differences.solve_poisson(source, fixed, mask)}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Draw the truth, the size of the given derivatives, and both recoveries."""
        from inrr_jax.plots import panels

        truth = np.asarray(recovery.problem.truth)
        shown = {"truth": truth}
        if isinstance(recovery.problem.measurements, Differences):
            down, right, *_ = recovery.problem.measurements
            size = np.hypot(down[:, 1:], right[1:]).mean(axis=-1)
            shown["size of the given gradient"] = np.minimum(4 * size, 1)
        others = {"network": recovery.values, **recovery.references}
        for title, values in others.items():
            scores = self.score(values, recovery.problem)
            decibel = "exact" if scores["psnr"] is None else f"{scores['psnr']:.1f} dB"
            shown[f"{title}: {decibel}"] = shift(values, truth)
        panels.maps(path, {title: v[..., 0] if v.shape[2:] == (1,) else v for title, v in shown.items()})


def shift(values: Values, truth: Values) -> Values:
    """Add the constant to each channel that brings it closest to the truth."""
    axes = tuple(range(values.ndim - 1))
    return np.asarray(values + (truth - values).mean(axis=axes, keepdims=True), np.float32)
