"""Interpolation over the Delaunay triangulation of scattered points; outside their hull, the value of the nearest."""

import numpy as np

from inrr_jax.baselines.points.contract import Points, PointValues, Query, QueryValues, interpolating
from inrr_jax.baselines.points.neighbours import nearest_points
from inrr_jax.errors import UserError


@interpolating
def linear(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Interpolate linearly in each simplex of the triangulation."""
    from scipy.interpolate import LinearNDInterpolator

    if points.shape[1] == 1:  # the library needs two dimensions
        order = np.argsort(points[:, 0])
        return np.stack([np.interp(query[:, 0], points[order, 0], v) for v in values[order].T], -1)
    return _inside(LinearNDInterpolator, points, values, query)


@interpolating
def clough_tocher(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Interpolate by cubic triangles with continuous slopes (Alfeld, 1984; Nielson, 1983), in two dimensions.

    Raises:
        UserError: the points are not in two dimensions.
    """
    from scipy.interpolate import CloughTocher2DInterpolator

    if points.shape[1] != 2:
        raise UserError(f"Clough-Tocher interpolation of {points.shape[1]} coordinates: give two, or use linear")
    return _inside(CloughTocher2DInterpolator, points, values, query)


def _inside(interpolator: type, points: Points, values: PointValues, query: Query) -> QueryValues:
    from scipy.spatial import QhullError

    nearest = values[nearest_points(points, query, 1)[1][:, 0]]
    try:
        inside = interpolator(points, values)(query)  # NaN outside the hull
    except QhullError:
        return nearest  # too few points, or all of them in one plane, span no simplex
    return np.where(np.isnan(inside), nearest, inside)
