"""The report of an array under a mask, and of scattered points that are recovered on a grid."""

from pathlib import Path
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from inrr_jax import metrics
from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.grids import main_slice, planes
from inrr_jax.operators.masking import Masking, paste
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values

LARGEST_REFERENCE = 5_000_000
"""Entries above which a reference would take minutes, and is left out."""
MOST_PLANES = 3
"""Planes through a signal that its figure shows."""


class Report(base.Report):
    """Errors in the data's own units, completions as references, the recovery, and figures of slices.

    psnr: -10 log10 of the mean squared error, for a peak that is the range of the observed values.
    rmse: root of the mean squared error, in the data's own units.
    nmae: mean absolute error, divided by the range of the observed values.
    """

    names: ClassVar = ("psnr_missing", "psnr_observed", "rmse_missing", "nmae_missing")
    files: ClassVar = ("recovery.npy", "comparison.png", "slices.png", "profiles.png", "animation.gif")

    def written(self, problem: Problem) -> tuple[str, ...]:
        """Return all files, without the last two for signals with fewer than three axes, which are one slice."""
        return self.files if len(problem.domain.shape) > 2 else self.files[:-2]

    def describe(self, problem: Problem) -> str:
        """Return the share of missing entries, or the number of points."""
        if isinstance(problem.operator, Masking):
            return f"{100 * (1 - np.mean(problem.operator.mask)):.1f} % missing"
        return f"{len(problem.measurements)} points"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores at the missing entries whose truth is known, and at the measurements."""
        scores: Scores = dict.fromkeys(self.names)
        predicted = values if isinstance(problem.operator, Masking) else _at_points(values, problem)
        error = predicted - np.asarray(problem.measurements)
        if isinstance(problem.operator, Masking):
            error = error[np.asarray(problem.operator.mask)]
        scores["psnr_observed"] = _psnr(error)
        return scores | metrics.score_missing(values, problem, _observed(problem))

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the nearest observed value for points, and else linear interpolation and alternating least squares."""
        if not isinstance(problem.operator, Masking):
            return {"nearest": _nearest(problem)}
        measured, mask, domain = np.asarray(problem.measurements), np.asarray(problem.operator.mask), problem.domain
        small = mask.size <= LARGEST_REFERENCE
        names = [name for name in ("linear", "als") if small and TENSORS[name].suits(mask, domain.channels)]
        return {name: TENSORS[name].complete(measured, mask, domain.spacing) for name in names}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the recovery in the data's own units with the observed entries pasted, or a figure."""
        problem, values, mask = recovery.problem, recovery.values, _observed(recovery.problem)
        if isinstance(problem.operator, Masking):
            values = paste(values, np.asarray(problem.measurements), mask)
        if name == "recovery.npy":
            np.save(path, problem.units.to_own(values, np.float32))
            return
        from inrr_jax import plots  # matplotlib takes half a second to import
        from inrr_jax.reports.cuts import Cuts

        if name == "comparison.png":
            has_truth, shown = problem.truth is not None, main_slice(mask)
            truth = np.nan_to_num(np.asarray(problem.truth if has_truth else _on_grid(problem)))
            picture, recovered = _picture(truth[shown]), _picture(recovery.values[shown])
            observed, others = np.atleast_2d(mask[shown]), (recovery.laplacians, recovery.rows)
            plots.comparison(path, picture, observed, recovered, *others, has_truth=has_truth)
            return
        arrays = {"observed": _on_grid(problem), "recovered": values}
        if problem.truth is not None:
            arrays["truth"] = np.asarray(problem.truth)
        cuts = Cuts(problem.domain, problem.units, mask, arrays)
        if name == "animation.gif":
            plots.animation(path, cuts.frames())
            return
        if name == "profiles.png":
            plots.profiles(path, cuts.profiles(), problem.domain.unit)
            return
        rows = [cuts.plane(pair) for pair in planes(mask.shape)[:MOST_PLANES]]
        plots.slices(path, rows, [cuts.profile(axis) for axis in range(mask.ndim)], problem.domain.unit)


def _psnr(error: np.ndarray) -> float:
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(np.mean(np.square(error))))


def _observed(problem: Problem) -> Bool[np.ndarray, "*grid"]:
    """Return the entries of the grid that are observed, or that are nearest to a point."""
    if isinstance(problem.operator, Masking):
        return np.asarray(problem.operator.mask)
    mask = np.zeros(problem.domain.shape, bool)
    mask[_nodes(problem)] = True
    return mask


def _nodes(problem: Problem) -> tuple[np.ndarray, ...]:
    """Return the indices of the nodes that are nearest to the points."""
    return tuple(map(np.asarray, problem.domain.nearest(jnp.asarray(problem.operator.points))))


def _on_grid(problem: Problem) -> Values:
    """Return the measurements on the grid, zero elsewhere."""
    if isinstance(problem.operator, Masking):
        return np.asarray(problem.measurements)
    values = np.zeros((*problem.domain.shape, problem.domain.channels), np.float32)
    values[_nodes(problem)] = problem.measurements
    return values


def _at_points(values: Values, problem: Problem) -> np.ndarray:
    """Return values on the grid at the points of the problem, by multilinear interpolation."""
    from scipy.ndimage import map_coordinates

    places = np.asarray(problem.domain.places(jnp.asarray(problem.operator.points))).T
    return np.stack(
        [map_coordinates(channel, places, order=1, mode="nearest") for channel in np.moveaxis(values, -1, 0)], -1
    )


def _nearest(problem: Problem) -> Values:
    """Return, at every node, the measurement that is nearest to it."""
    if isinstance(problem.operator, Masking):
        from scipy.ndimage import distance_transform_edt

        index = distance_transform_edt(
            ~np.asarray(problem.operator.mask),
            sampling=problem.domain.spacing,
            return_distances=False,
            return_indices=True,
        )
        return np.asarray(problem.measurements)[tuple(index)]
    from scipy.spatial import KDTree

    _, index = KDTree(np.asarray(problem.operator.points)).query(np.asarray(problem.domain.points))
    return np.asarray(problem.measurements)[index].reshape(*problem.domain.shape, -1)


def _picture(array: np.ndarray) -> np.ndarray:
    """Return a slice as a picture [H, W, C] in [0, 1] with C = 1 or 3."""
    picture = array.astype(np.float32).clip(0, 1)
    picture = picture[None] if picture.ndim == 2 else picture
    return picture if picture.shape[-1] in (1, 3) else picture[..., :1]
