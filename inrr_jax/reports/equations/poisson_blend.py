"""The report of two pictures blended without a seam."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines import finite_differences
from inrr_jax.data.kinds.equations.poisson_blend import Pair
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values


class Report(base.Report):
    """How well a blend has the gradient of one picture and the values of the other, against the sparse solve."""

    names: ClassVar = ("psnr_solve", "gradient_error", "outside_error")
    files: ClassVar = ("blend.png", "comparison.jpg")

    def describe(self, problem: Problem) -> str:
        """Return the size of the region."""
        return f"{int(problem.measurements.region.sum())} pixels blended"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores.

        Returns:
            psnr_solve: PSNR in dB against the sparse solve inside of the region, None for the solve itself;
            gradient_error and outside_error: root mean square of the gradient minus the source's in the region and
            across its edge, and of the values minus the target's outside.
        """
        pair = _pair(problem)
        blended = solved(pair)
        psnr = float(metrics.psnr(values, blended, pair.region))
        errors = []
        for axis in (0, 1):
            touched = np.maximum(*(np.take(pair.region, _range(pair.region, axis, i), axis) for i in (0, 1)))
            errors.append((np.diff(values, axis=axis) - np.diff(pair.source, axis=axis))[touched].reshape(-1))
        return {
            "psnr_solve": psnr if np.isfinite(psnr) else None,
            "gradient_error": float(np.sqrt(np.mean(np.concatenate(errors) ** 2))),
            "outside_error": float(np.sqrt(np.mean((values - pair.target)[~pair.region] ** 2))),
        }

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the sparse solve, and the plain copy of the region, which has a seam."""
        pair = _pair(problem)
        return {"sparse solve": solved(pair), "copy": np.where(pair.region[..., None], pair.source, pair.target)}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the blend, or a figure of it and of the references."""
        from inrr_jax.data import images
        from inrr_jax.plots import panels

        pair = _pair(recovery.problem)
        blended = np.where(pair.region[..., None], recovery.values, pair.target)
        if name == "blend.png":
            images.save(path, np.clip(blended, 0, 1))
            return
        others = recovery.references
        shown = {"copy": others["copy"], "network": blended, "sparse solve": others["sparse solve"]}
        panels.maps(path, {title: v[..., 0] if v.shape[2] == 1 else v for title, v in shown.items()})


def solved(pair: Pair) -> Values:
    """Return the blend by a sparse solve: the Laplacian of the source inside, the target's values outside."""
    source = np.zeros_like(pair.source)
    inner = pair.source
    source[1:-1, 1:-1] = inner[2:, 1:-1] + inner[:-2, 1:-1] + inner[1:-1, 2:] + inner[1:-1, :-2] - 4 * inner[1:-1, 1:-1]
    return finite_differences.solve_poisson(source, pair.target, pair.region)


def _pair(problem: Problem) -> Pair:
    return Pair(*map(np.asarray, problem.measurements))


def _range(region, axis, first):
    return np.arange(first, region.shape[axis] - 1 + first)
