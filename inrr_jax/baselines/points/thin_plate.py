"""Thin-plate splines through the nearest points."""

import numpy as np

from inrr_jax.baselines.points.contract import Points, PointValues, Query, QueryValues, interpolating
from inrr_jax.baselines.points.neighbours import nearest_points

NEIGHBOURS = 24


@interpolating
def thin_plate(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Interpolate by a thin-plate spline, and a linear polynomial, through the 24 nearest points of each query point.

    With SciPy's `RBFInterpolator`. Where points lie such that a spline is not determined, all of them on one line for
    example, the value of the nearest point is returned.
    """
    from scipy.interpolate import RBFInterpolator

    try:
        return RBFInterpolator(points, values, neighbors=min(NEIGHBOURS, len(points)))(query)
    except (ValueError, np.linalg.LinAlgError):
        return values[nearest_points(points, query, 1)[1][:, 0]]
