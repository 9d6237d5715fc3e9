"""Shapes: signed distances, and points on the surface with their normals. Coordinates lie in [-1, 1]^D."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from inrr_jax.data.readers.files import check_file, decoding, require
from inrr_jax.errors import UserError, unknown

Distance = Callable[[Float[np.ndarray, "... D"]], Float[np.ndarray, "..."]]
"""Points -> signed distance, negative inside."""


class Cloud(NamedTuple):
    """Points on a surface, each with the unit normal that points outwards."""

    points: Float[np.ndarray, "M D"]
    normals: Float[np.ndarray, "M D"]


def ball(x: Float[np.ndarray, "... D"]) -> Float[np.ndarray, "..."]:
    """Return the signed distance of a circle or sphere of radius 0.6."""
    return np.linalg.norm(x, axis=-1) - 0.6


def box(x: Float[np.ndarray, "... D"]) -> Float[np.ndarray, "..."]:
    """Return the signed distance of a box with half sides 0.6, 0.45 and 0.35."""
    q = np.abs(x) - np.array([0.6, 0.45, 0.35])[: x.shape[-1]]
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)


def torus(x: Float[np.ndarray, "... D"]) -> Float[np.ndarray, "..."]:
    """Return the signed distance of a torus of radii 0.55 and 0.2, in two dimensions of the ring that it spans."""
    ring = np.linalg.norm(x[..., :2], axis=-1) - 0.55
    return np.hypot(ring, x[..., 2] if x.shape[-1] == 3 else 0.0) - 0.2


SHAPES: dict[str, Distance] = {"ball": ball, "box": box, "torus": torus}
"""Shapes whose signed distance is known, by name."""


def distance(name: str) -> Distance:
    """Return the signed distance of a shape.

    Raises:
        UserError: an unknown shape.
    """
    if name not in SHAPES:
        raise UserError(unknown(f"shape {name}", name, SHAPES))
    return SHAPES[name]


def sample(signed: Distance, dimensions: int, count: int, rng: np.random.Generator) -> Cloud:
    """Draw points on a surface.

    Points of a thin shell are moved to the surface along the gradient, so that every part of the surface gets points in
    proportion to its area. Points on edges, where there is no normal, are dropped.
    """
    found, normals = np.empty((0, dimensions)), np.empty((0, dimensions))
    while len(found) < count:
        points = rng.uniform(-1, 1, (8 * count, dimensions))
        points = points[np.abs(signed(points)) < 0.05]
        slope = _slope(signed, points)
        points = points - signed(points)[:, None] * slope
        slope = _slope(signed, points)
        # On an edge the central difference is the mean of two normals, and shorter than one.
        smooth = (np.abs(signed(points)) < 1e-6) & (np.linalg.norm(slope, axis=1) > 0.999)
        found, normals = np.concatenate([found, points[smooth]]), np.concatenate([normals, slope[smooth]])
    return Cloud(found[:count].astype(np.float32), normals[:count].astype(np.float32))


def _slope(signed: Distance, points: np.ndarray, step: float = 1e-4) -> np.ndarray:
    shifts = step * np.eye(points.shape[1])
    return np.stack([(signed(points + s) - signed(points - s)) / (2 * step) for s in shifts], axis=-1)


def blobs(size: int = 64) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"], Float[np.ndarray, "n n n"]]:
    """Return a mesh of two joined ellipsoids, made by scikit-image: vertices, normals, and the volume inside."""
    from skimage.measure import marching_cubes

    axis = np.linspace(-1, 1, size)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    parts = [
        ((x + 0.2) / 0.5) ** 2 + (y / 0.4) ** 2 + (z / 0.3) ** 2,
        ((x - 0.3) / 0.35) ** 2 + ((y - 0.2) / 0.25) ** 2,
    ]
    parts[1] = parts[1] + (z / 0.55) ** 2
    volume = np.log(np.exp(-2 * parts[0]) + np.exp(-2 * parts[1])) + 2  # a smooth union, positive inside
    vertices, _, normals, _ = marching_cubes(volume, 0.0, gradient_direction="ascent")
    return vertices / (size - 1) * 2 - 1, normals, volume


def cortex(count: int, rng: np.random.Generator) -> Cloud:
    """Draw points on the inflated left cortex that comes with nilearn, and scale them into the domain.

    The surface is FreeSurfer's fsaverage5, the mean of 40 brains: a closed mesh of 20480 triangles, here without its
    folds. Fischl et al. (1999), Human Brain Mapping 8(4). Licence: FreeSurfer's, free for any use with its notice.

    Raises:
        UserError: nilearn is not installed, or its file cannot be read.
    """
    folder = require("inrr-jax[data]", "nilearn", "the shape cortex") / "datasets" / "data" / "fsaverage5"
    path = folder / "infl_left.gii.gz"
    check_file(path)
    with decoding(path):
        import nibabel

        surface: Any = nibabel.load(path)
        vertices, triangles = (array.data for array in surface.darrays[:2])
    return sample_mesh(_scaled(vertices.astype(np.float64)), triangles, count, rng)


def sample_mesh(
    vertices: Float[np.ndarray, "V 3"], triangles: Integer[np.ndarray, "T 3"], count: int, rng: np.random.Generator
) -> Cloud:
    """Draw points on a mesh, uniformly by area, with the normals of their triangles.

    Args:
        vertices: corners of the triangles.
        triangles: indices of vertices, anticlockwise when seen from outside.
        count: number of points.
        rng: source of the points.
    """
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    index = rng.choice(len(triangles), count, p=areas / areas.sum())
    # Dirichlet's distribution with parameters 1 is uniform on a triangle.
    points = np.einsum("nv,nvd->nd", rng.dirichlet((1, 1, 1), count), corners[index])
    return Cloud(points.astype(np.float32), (normals[index] / areas[index, None]).astype(np.float32))


def read(path: str | Path) -> Cloud:
    """Read points with normals from a .npy array [M, 2 D] or a text file of numbers, and scale them into the domain.

    Raises:
        UserError: the file cannot be read, or does not hold finite rows of 4 or 6 numbers.
    """
    try:
        rows = np.load(path) if str(path).endswith(".npy") else np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as points ({error}): give rows of coordinates and normals") from None
    if rows.ndim != 2 or rows.shape[1] not in (4, 6) or not np.isfinite(rows).all() or len(rows) < 8:
        raise UserError(f"{path} holds an array of shape {rows.shape}: give finite (M, 4) or (M, 6): points, normals")
    points, normals = np.split(rows.astype(np.float64), 2, axis=1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    if not lengths.all():
        raise UserError(f"{path} has {int((lengths == 0).sum())} normals of length zero: give one direction per point")
    return Cloud(_scaled(points).astype(np.float32), (normals / lengths).astype(np.float32))


def _scaled(points: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
    """Move the centre to 0, and scale the longest side to [-0.7, 0.7]."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) / ((high - low).max() / 2) * 0.7
