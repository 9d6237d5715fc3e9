"""The report of a signed distance from oriented points."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values

PROBES = 20_000
"""Points at which the length of the gradient is measured."""


class Report(base.Report):
    """Errors of the distance and of the surface, and those of the signed distance to the nearest point."""

    names: ClassVar = ("mean_error", "max_error", "chamfer")
    files: ClassVar = ("comparison.png",)

    def describe(self, problem: Problem) -> str:
        """Return the number of points."""
        return f"{len(problem.measurements.points)} points with normals"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores, as shares of the side of the domain.

        Returns:
            mean_error, max_error: of |f - truth| on the grid, None if the truth is not known; chamfer: mean distance
            from the surface to the true one and back, where the true one is known by its grid or else its points.
        """
        vertices = surface(values)[0]
        scores: Scores = {"mean_error": None, "max_error": None, "chamfer": None}
        true = np.asarray(problem.measurements.points)
        if problem.truth is not None:
            errors = np.abs(values - problem.truth) / 2
            scores |= {"mean_error": float(errors.mean()), "max_error": float(errors.max())}
            true = surface(np.asarray(problem.truth))[0]
        if len(vertices):
            scores["chamfer"] = chamfer(vertices, true) / 2
        return scores

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the distance to the nearest point, with the side of its normal as the sign."""
        return {"nearest point": nearest(problem.measurements, np.asarray(problem.domain.points), problem.domain.shape)}

    def details(self, recovery: Recovery) -> dict[str, Any]:
        """Return the mean of ||grad f| - 1|, from the field's own derivatives at random points of the domain."""
        domain = recovery.problem.domain
        # Positions of a fitted field are indices of nodes; the domain's side is 2.
        nodes = np.random.default_rng(0).uniform(0, 1, (PROBES, len(domain.shape))) * (np.array(domain.shape) - 1)
        scale = (np.array(domain.shape) - 1) / 2
        lengths = np.linalg.norm(recovery.field.gradient(nodes)[:, 0] * scale, axis=-1)
        return {"gradient_error": float(np.abs(lengths - 1).mean())}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Draw the surfaces, or in two dimensions the distances."""
        from inrr_jax.plots import panels

        problem = recovery.problem
        shown = {"network": recovery.values, **recovery.references}
        if problem.truth is not None:
            shown = {"truth": np.asarray(problem.truth), **shown}
        if len(problem.domain.shape) == 2:
            panels.maps(path, {t: v[..., 0] for t, v in shown.items()}, limit=dict.fromkeys(shown, 1.0))
            return
        found = {title: surface(values) for title, values in shown.items()}
        panels.meshes(path, {title: mesh for title, mesh in found.items() if len(mesh[0])})


def surface(values: Values) -> tuple[Float[np.ndarray, "V D"], np.ndarray]:
    """Return the vertices and simplices of f = 0 in [-1, 1]^D; none if f has one sign."""
    from skimage import measure

    flat = np.array(values[..., 0])  # a copy, because scikit-image wants to be able to write
    scale = 2 / (np.array(flat.shape) - 1)
    if flat.min() >= 0 or flat.max() <= 0:
        return np.empty((0, flat.ndim), np.float32), np.empty((0, flat.ndim), np.int32)
    if flat.ndim == 2:
        vertices = np.concatenate(measure.find_contours(flat, 0.0))
        return (vertices * scale - 1).astype(np.float32), np.empty((0, 2), np.int32)
    vertices, triangles, *_ = measure.marching_cubes(flat, 0.0)
    return (vertices * scale - 1).astype(np.float32), triangles.astype(np.int32)


def chamfer(first: Float[np.ndarray, "N D"], second: Float[np.ndarray, "M D"]) -> float:
    """Return the mean of the distances to the nearest point of the other set, averaged over both directions."""
    from scipy.spatial import KDTree

    return float((KDTree(second).query(first)[0].mean() + KDTree(first).query(second)[0].mean()) / 2)


def nearest(cloud, points: np.ndarray, shape: tuple[int, ...]) -> Values:
    """Return the distance to the nearest point, with the side of its normal as the sign."""
    from scipy.spatial import KDTree

    distance, index = KDTree(np.asarray(cloud.points)).query(points)
    side = ((points - np.asarray(cloud.points)[index]) * np.asarray(cloud.normals)[index]).sum(axis=-1)
    return (np.where(side < 0, -1, 1) * distance).reshape(*shape, 1).astype(np.float32)
