"""The report of a slice from its projections."""

from typing import ClassVar

import numpy as np

from inrr_jax.problem import Problem
from inrr_jax.reports.base import Values
from inrr_jax.reports.inverse import picture


class Report(picture.Report):
    """PSNR and SSIM of the whole slice, the misfit, classical methods for the same projections, and a figure."""

    files: ClassVar[tuple[str, ...]] = ("recovery.npy", "comparison.png")

    def describe(self, problem: Problem) -> str:
        """Return the number of views and bins."""
        views, bins = problem.operator.layout
        return f"{views} views of {bins} bins"

    def measured(self, problem: Problem) -> Values:
        """Return the sinogram, view by view, on a scale from 0 to 1."""
        sinogram = np.asarray(problem.measurements)
        return sinogram / sinogram.max()
