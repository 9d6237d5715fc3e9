"""The contract that all interpolations of scattered points share, and the decorator that enforces it.

An interpolation maps ``(points [M, D], values [M, C], query [Q, D]) -> float32 [Q, C]``, in the order of SciPy's
interpolators. Values at equal points are replaced by their mean. Distances are those of the coordinates as given;
`scaling.py` rescales coordinates of different units.
"""

import functools
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from inrr_jax.errors import UserError

Points = Float[np.ndarray, "M D"]
PointValues = Float[np.ndarray, "M C"]
Query = Float[np.ndarray, "Q D"]
QueryValues = Float[np.ndarray, "Q C"]
Interpolate = Callable[[Points, PointValues, Query], QueryValues]


def interpolating(solve: Interpolate) -> Interpolate:
    """Turn a solver into an interpolation that fulfils the contract of this module.

    Args:
        solve: maps different points of float64, values of float64 with a mean of zero in each channel, and query points
            of float64.

    Returns:
        The interpolation. It raises `UserError` if there is no point, or if a coordinate or a value is not finite.
    """

    @functools.wraps(solve)
    def interpolate(points: Points, values: PointValues, query: Query) -> QueryValues:
        if not len(points):
            raise UserError("0 points to interpolate between: give at least one")
        if not (np.isfinite(points).all() and np.isfinite(values).all()):
            raise UserError(
                f"some of the {len(points)} points are not finite: remove those with NaN or infinite numbers"
            )
        different, which, count = np.unique(points.astype(np.float64), axis=0, return_inverse=True, return_counts=True)
        sums = np.zeros((len(different), values.shape[1]))
        np.add.at(sums, which.ravel(), values)
        mean = values.mean(0, dtype=np.float64)
        # Threads of BLAS that share small systems wait for each other longer than they compute.
        with threadpool_limits(1, user_api="blas"):
            recovered = solve(different, sums / count[:, None] - mean, query.astype(np.float64))
        return (recovered + mean).astype(np.float32)

    return interpolate
