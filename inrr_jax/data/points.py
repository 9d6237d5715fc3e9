"""Scattered points: reading them, checking them, sampling a grid, and the box on which they are recovered."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from jaxtyping import Bool, Float32, Float64, Real
from numpy.typing import ArrayLike

from inrr_jax.data.arrays import Source, as_array, check_memory
from inrr_jax.data.readers import open_file
from inrr_jax.data.readers.files import check_file
from inrr_jax.data.readers.text import read_table
from inrr_jax.errors import UserError


class Points(NamedTuple):
    """Values at scattered points, both in units of their own."""

    points: Float64[np.ndarray, "M D"]
    values: Float64[np.ndarray, "M C"]


class Box(NamedTuple):
    """A grid over the smallest box that contains all points."""

    shape: tuple[int, ...]
    """Nodes along each axis."""
    low: tuple[float, ...]
    """Coordinates of the first node."""
    step: tuple[float, ...]
    """Distance of neighbouring nodes, in units of the coordinates."""
    rescaled: bool
    """Whether every axis has the same length for the field."""

    @property
    def spacing(self) -> tuple[float, ...]:
        """The spacing of the field's domain."""
        return tuple(1 / (n - 1) for n in self.shape) if self.rescaled else self.step

    def to_domain(self, points: Real[np.ndarray, "N D"]) -> Float32[np.ndarray, "N D"]:
        """Return points in the coordinates of the domain, in which the longest axis of the box spans [-1, 1]."""
        last = np.array(self.shape) - 1
        lengths = last * np.array(self.spacing)
        # In float64, because coordinates such as UTM have large offsets.
        index = (points.astype(np.float64) - np.array(self.low)) / np.array(self.step)
        return ((2 * index / last - 1) * lengths / lengths.max()).astype(np.float32)


def read_points(path: str | Path, dimensions: int = 0) -> Points:
    """Read points and their values from a file, and check them as `check_points` does.

    Args:
        path: a `.npy` array [M, D + C] or a table in a text file, with D columns of coordinates and then C columns of
            values; or a `.npz` file with arrays `points` [M, D] and `values` [M] or [M, C].
        dimensions: D; 0 means that the last column alone holds values. A `.npz` file has its own.

    Raises:
        UserError: the file cannot be read, has other arrays or too few columns, or as `check_points`.
    """
    check_file(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".npz":
        return check_points(*(_read_all(open_file(path, name)) for name in ("points", "values")))
    table = _read_all(open_file(path)) if suffix == ".npy" else read_table(Path(path))
    if table.ndim != 2 or table.shape[1] <= max(dimensions, 1):
        columns = f"{max(dimensions, 1)} columns of coordinates and at least one of values"
        raise UserError(f"{str(path)!r} holds an array of shape {table.shape}: give rows with {columns}")
    dimensions = dimensions or table.shape[1] - 1
    return check_points(table[:, :dimensions], table[:, dimensions:])


def check_points(points: ArrayLike, values: ArrayLike) -> Points:
    """Return points and values that a field can be fitted to.

    Rows with NaN or infinity are dropped with a warning. Points that occur more than once are merged with the mean of
    their values, with a warning if the values differ: they are repeated measurements. SciPy's interpolators fail or
    choose one of them.

    Args:
        points: real numbers [M, D], or [M] for D = 1.
        values: real numbers [M, C], or [M] for C = 1.

    Raises:
        UserError: other shapes or types, fewer than D + 1 different points, or a coordinate that is the same for all.
    """
    coordinates, table = _columns(points, "points"), _columns(values, "values")
    if len(coordinates) != len(table):
        raise UserError(f"{len(coordinates)} points and {len(table)} rows of values: give one row of values per point")
    finite = np.isfinite(coordinates).all(1) & np.isfinite(table).all(1)
    if not finite.all():
        logging.warning("%d of %d points are dropped: they have NaN or infinity", (~finite).sum(), len(finite))
    merged = _merge(coordinates[finite], table[finite])
    count, dimensions = merged.points.shape
    if count <= dimensions:
        raise UserError(f"{count} different points in {dimensions} dimensions: give at least {dimensions + 1}")
    extent = np.ptp(merged.points, axis=0)
    if not extent.all():
        flat = int(np.argmin(extent))
        raise UserError(f"coordinate {flat} is {merged.points[0, flat]:g} for all points: leave that column out")
    return merged


def sample(
    values: Real[np.ndarray, "*grid C"], observed: Bool[np.ndarray, "*grid"], spacing: tuple[float, ...] | None = None
) -> Points:
    """Return the observed nodes of a grid as points, for comparisons with a truth.

    The masks of `data.masks` are the designs: `random` for a share of the nodes, `density` for stations that are denser
    in some places, `fibers` for stations that are observed at all times. Nodes with NaN are left out.

    Args:
        values: on the grid.
        observed: True at the nodes to take.
        spacing: distance of nodes along each axis, in the units of the points; None: 1.
    """
    taken = observed & ~np.isnan(values).any(-1)
    step = np.array(spacing or (1.0,) * observed.ndim)
    return check_points(np.argwhere(taken) * step, values[taken])


def box_around(points: Float64[np.ndarray, "M D"], nodes: int, *, rescale: bool = False) -> Box:
    """Return a grid over the box of the points whose longest axis has a number of nodes, at least 2.

    Steps are equal on all axes, up to rounding. With `rescale`, every axis has the same number of nodes and the same
    length for the field, because coordinates such as degrees and metres cannot be compared; SciPy's option of the same
    name does that too.
    """
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    share = np.ones_like(extent) if rescale else extent / extent.max()
    shape = tuple(int(n) for n in np.maximum(2, np.rint((nodes - 1) * share) + 1))
    step = extent / (np.array(shape) - 1)
    return Box(shape, tuple(map(float, low)), tuple(map(float, step)), rescale)


def _read_all(source: Source) -> np.ndarray:
    # The table, float64 copies of it while it is checked, and the float32 arrays of a fit.
    check_memory(math.prod(source.shape) * 40, f"a table of points of shape {source.shape}", "keep fewer of them")
    return source.part((slice(None),) * len(source.shape))


def _columns(array: ArrayLike, what: str) -> Float64[np.ndarray, "M columns"]:
    """Return real numbers as a table of float64."""
    table = as_array(array, what)
    if table.dtype.kind not in "iuf":
        raise UserError(f"{what} of type {table.dtype}: give integers or floats")
    if table.ndim not in (1, 2) or 0 in table.shape[1:]:
        raise UserError(f"{what} of shape {table.shape}: give one row per point")
    return table.reshape(len(table), math.prod(table.shape[1:])).astype(np.float64)


def _merge(points: Float64[np.ndarray, "M D"], values: Float64[np.ndarray, "M C"]) -> Points:
    """Merge equal points with the mean of their values; the order is kept if there are none."""
    different, first, group = np.unique(points, axis=0, return_index=True, return_inverse=True)
    if len(different) == len(points):
        return Points(points, values)
    group = group.reshape(-1)
    # A mean of differences, so that equal values keep all their digits.
    deviations = values - values[first][group]
    means = np.stack([np.bincount(group, column) for column in deviations.T], 1) / np.bincount(group)[:, None]
    if deviations.any():
        logging.warning(
            "%d points occur more than once and are merged; their values, which differ by up to %g, are averaged",
            len(points) - len(different),
            np.abs(deviations).max(),
        )
    return Points(different, values[first] + means)
