"""Interpolation of scattered points by the values of the nearest ones."""

import numpy as np
from jaxtyping import Float, Int

from inrr_jax.baselines.points.contract import Points, PointValues, Query, QueryValues, interpolating

NEIGHBOURS = 12
POWER = 2.0


@interpolating
def nearest(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Take the value of the nearest point."""
    return values[nearest_points(points, query, 1)[1][:, 0]]


@interpolating
def idw(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Weight the 12 nearest points by 1 / distance² (inverse distance weighting; Shepard, 1968)."""
    distance, which = nearest_points(points, query, NEIGHBOURS)
    # At a point itself the weight is so large that the others do not count.
    weight = np.maximum(distance, 1e-12) ** -POWER
    return np.einsum("qk,qkc->qc", weight / weight.sum(1, keepdims=True), values[which])


def nearest_points(points: Points, query: Query, count: int) -> tuple[Float[np.ndarray, "Q k"], Int[np.ndarray, "Q k"]]:
    """Return the distances and the indices of the nearest points of each query point: `count`, or as many as exist."""
    from scipy.spatial import cKDTree

    return cKDTree(points).query(query, k=np.arange(1, min(count, len(points)) + 1), workers=-1)
