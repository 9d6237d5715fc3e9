"""The report of an array under a mask, and of scattered points that are recovered on a grid."""

from pathlib import Path
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from inrr_jax.operators.masking import Masking, paste
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values


class Report(base.Report):
    """Errors in the data's own units, the nearest observed value as reference, the recovery, and a figure of a slice.

    psnr: -10 log10 of the mean squared error, for a peak that is the range of the observed values.
    rmse: root of the mean squared error, in the data's own units.
    nmae: mean absolute error, divided by the range of the observed values.
    """

    names: ClassVar = ("psnr_missing", "psnr_observed", "rmse_missing", "nmae_missing")
    files: ClassVar = ("recovery.npy", "comparison.png")

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
        if problem.truth is None:
            return scores
        truth = np.asarray(problem.truth)
        missing = (values - truth)[~_observed(problem) & ~np.isnan(truth).any(axis=-1)]
        in_own_units = missing * np.asarray(problem.units.scale, np.float32)
        return scores | {
            "psnr_missing": _psnr(missing),
            "rmse_missing": float(np.sqrt(np.mean(np.square(in_own_units)))),
            "nmae_missing": float(np.mean(np.abs(missing))),
        }

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the nearest observed value, in the proportions of the grid."""
        return {"nearest": _nearest(problem)}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write the recovery in the data's own units with the observed entries pasted, or the figure of a slice."""
        problem, values, mask = recovery.problem, recovery.values, _observed(recovery.problem)
        if isinstance(problem.operator, Masking):
            values = paste(values, np.asarray(problem.measurements), mask)
        if name == "recovery.npy":
            np.save(path, problem.units.to_own(values, np.float32))
            return
        from inrr_jax import plots  # matplotlib takes half a second to import

        truth = problem.truth if problem.truth is not None else _on_grid(problem)
        shown = [_slice(array) for array in (np.nan_to_num(np.asarray(truth)), mask[..., None], recovery.values)]
        has_truth = problem.truth is not None
        picture, observed, recovered = shown[0], shown[1][..., 0].astype(bool), shown[2]
        plots.comparison(path, picture, observed, recovered, recovery.laplacians, recovery.rows, has_truth=has_truth)


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


def _slice(array: np.ndarray) -> np.ndarray:
    """Return a slice [H, W, C] across the middle of all axes but the two longest; C is 1 or 3, in [0, 1]."""
    grid = array.shape[:-1]
    shown = sorted(sorted(range(len(grid)), key=lambda axis: -grid[axis])[:2])
    index = tuple(slice(None) if axis in shown else n // 2 for axis, n in enumerate(grid))
    picture = array[index].astype(np.float32).clip(0, 1)
    picture = picture[None] if len(grid) == 1 else picture
    return picture if picture.shape[-1] in (1, 3) else picture[..., :1]
