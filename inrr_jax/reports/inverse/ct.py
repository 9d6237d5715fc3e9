"""The report of a slice from its projections."""

from pathlib import Path
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines.inverse.ct import methods
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values

ERROR_LIMIT = 0.2
"""Largest error in the colours of its map."""


class Report(base.Report):
    """PSNR and SSIM of the whole slice, the misfit, classical methods for the same projections, and a figure.

    misfit: root mean squared difference of the line integrals and those of the recovery.
    """

    names: ClassVar = ("psnr", "ssim", "misfit")
    files: ClassVar = ("recovery.npy", "comparison.png")

    def describe(self, problem: Problem) -> str:
        """Return the number of views and bins."""
        views, bins = problem.operator.layout
        return f"{views} views of {bins} bins"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores of values that are clipped to [0, 1]; the misfit is that of the values themselves."""
        error = np.asarray(problem.operator.apply(jnp.asarray(values))) - np.asarray(problem.measurements)
        scores: Scores = {"psnr": None, "ssim": None, "misfit": float(np.sqrt(np.mean(error**2)))}
        if problem.truth is not None:
            clipped, truth = np.clip(values, 0, 1), np.asarray(problem.truth)
            scores |= {"psnr": float(metrics.psnr(clipped, truth)), "ssim": metrics.ssim(clipped, truth)}
        return scores

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return filtered backprojection, SART, Tikhonov's energy and total variation, as far as they suit the rays."""
        return {name: method(problem) for name, method in methods(problem).items()}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the recovery in the units of the data, or draw sinogram, recoveries, truth and error."""
        problem = recovery.problem
        if name == "recovery.npy":
            units = problem.units
            np.save(path, recovery.values if units is None else units.to_own(recovery.values, np.float32))
            return
        from inrr_jax.plots import panels  # matplotlib takes half a second to import

        sinogram = np.asarray(problem.measurements)[..., 0]
        shown = {"sinogram, view by view": sinogram / sinogram.max()}
        for title, values in {"recovery": recovery.values, **self.references(problem)}.items():
            psnr = self.score(values, problem)["psnr"]
            shown[title if psnr is None else f"{title}: {psnr:.2f} dB"] = values[..., 0]
        if problem.truth is not None:
            truth = np.asarray(problem.truth)[..., 0]
            shown |= {"truth": truth, "error of the recovery": recovery.values[..., 0] - truth}
        panels.maps(path, shown, limit={"error of the recovery": ERROR_LIMIT})
