"""The report of a picture that is measured through an operator."""

from pathlib import Path
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines.inverse import OPTIONAL, methods_of
from inrr_jax.data import images
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values

ERROR_LIMIT = 0.2
"""Largest error in the colours of its map."""


class Report(base.Report):
    """PSNR and SSIM of the whole picture, the misfit, classical methods of the same problem, and a figure.

    misfit: root mean squared difference of the measurements and those of the recovery.
    """

    names: ClassVar = ("psnr", "ssim", "misfit")
    files: ClassVar[tuple[str, ...]] = ("recovery.png", "recovery.npy", "comparison.png")

    def describe(self, problem: Problem) -> str:
        """Return what was measured."""
        shape = " x ".join(map(str, np.shape(problem.measurements)))
        return f"{type(problem.operator).__name__} with {shape} measurements"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores of values that are clipped to [0, 1]; the misfit is that of the values themselves."""
        error = np.asarray(problem.operator.apply(jnp.asarray(values))) - np.asarray(problem.measurements)
        kept = problem.operator.kept
        where = True if kept is None else np.broadcast_to(kept, error.shape)
        scores: Scores = {"psnr": None, "ssim": None, "misfit": float(np.sqrt(np.mean(error**2, where=where)))}
        if problem.truth is not None:
            clipped, truth = np.clip(values, 0, 1), np.asarray(problem.truth)
            psnr = float(metrics.psnr(clipped, truth))
            scores |= {"psnr": psnr if np.isfinite(psnr) else None, "ssim": metrics.ssim(clipped, truth)}
        return scores

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the recoveries of classical methods that need no optional package."""
        return {name: method(problem) for name, method in methods_of(problem).items() if name not in OPTIONAL}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the recovery, or the figure of measurements, recoveries, truth and error."""
        if name == "recovery.npy":
            units = recovery.problem.units
            np.save(path, recovery.values if units is None else units.to_own(recovery.values, np.float32))
            return
        from inrr_jax.plots import panels  # matplotlib takes half a second to import

        if name == "recovery.png":
            images.save(path, recovery.values)
            return
        panels.maps(path, self._shown(recovery), limit={"error": ERROR_LIMIT})

    def measured(self, problem: Problem) -> Values:
        """Return the measurements as a picture."""
        return np.asarray(problem.measurements)

    def _shown(self, recovery: Recovery) -> dict[str, np.ndarray]:
        problem = recovery.problem
        found = {"recovery": recovery.values, **recovery.references}
        shown = {"measurements": self.measured(problem)}
        for title, values in found.items():
            psnr = self.score(values, problem)["psnr"]
            shown[title if psnr is None else f"{title}: {psnr:.2f} dB"] = values
        if problem.truth is not None:
            truth = np.asarray(problem.truth)
            shown |= {"truth": truth, "error": (recovery.values - truth).mean(axis=-1)}
        return {title: _panel(values) for title, values in shown.items()}


def _panel(values: np.ndarray) -> np.ndarray:
    """Return [H, W] or [H, W, 3]."""
    return values if values.ndim == 2 or values.shape[-1] == 3 else values[..., 0]
