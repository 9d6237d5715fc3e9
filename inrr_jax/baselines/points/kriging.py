"""Ordinary kriging with a fitted variogram, from the nearest points: the best linear unbiased prediction."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.points.contract import Points, PointValues, Query, QueryValues, interpolating
from inrr_jax.baselines.points.neighbours import nearest_points

NEIGHBOURS = 24
QUERIES_AT_ONCE = 8192
SAMPLE = 1000  # points from which the variogram is estimated
BINS = 24  # of distances, in geometric progression
NUGGET = 1e-6  # smallest nugget, relative to the variance, which keeps the systems regular

Array = Float[np.ndarray, "..."]
SHAPES: dict[str, Callable[[Array, float], Array]] = {
    "exponential": lambda h, a: 1 - np.exp(-h / a),
    "spherical": lambda h, a: np.where(h < a, 1.5 * h / a - 0.5 * (h / a) ** 3, 1),
    "matern": lambda h, a: 1 - (1 + h / a) * np.exp(-h / a),  # smoothness 3/2
    "power": lambda h, a: h ** (2 * a / (1 + a)),  # the exponent is between 0 and 2
}


class Variogram(NamedTuple):
    """``gamma(h) = nugget + sill shape(h, a)`` for h > 0, half the expected squared difference at the distance h."""

    shape: str
    nugget: float
    sill: float
    a: float
    """The range, in units of distance; for `power` it determines the exponent 2 a / (1 + a)."""

    def __call__(self, distance: Array) -> Array:
        """Return gamma, zero at the distance zero."""
        return np.where(distance > 0, self.nugget + self.sill * SHAPES[self.shape](distance, self.a), 0)


@interpolating
def kriging(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Predict by ordinary kriging from the 24 nearest points of each query point; see `fit_variogram`.

    The weights w solve ``sum_j gamma(|x_i - x_j|) w_j + mu = gamma(|x_i - x|)`` for all i, with ``sum_j w_j = 1``
    (Cressie, Statistics for Spatial Data, 1993, section 3.2). Channels share the variogram.
    """
    if len(points) < 3 or not values.any():
        return values[nearest_points(points, query, 1)[1][:, 0]]
    # In units of the points' spread, in which the fit of the variogram starts near its solution.
    unit = points.std(0).max()
    points, query = points / unit, query / unit
    variogram = fit_variogram(points, values)
    predicted = np.empty((len(query), values.shape[1]))
    for i in range(0, len(query), QUERIES_AT_ONCE):
        chunk = slice(i, i + QUERIES_AT_ONCE)
        predicted[chunk] = _predict(points, values, query[chunk], variogram)
    return predicted


def _predict(points: Points, values: PointValues, query: Query, variogram: Variogram, skip: int = 0) -> QueryValues:
    """Predict from the nearest points of each query point, without the `skip` nearest ones of all."""
    distance, which = (found[:, skip:] for found in nearest_points(points, query, NEIGHBOURS + skip))
    near, count = points[which], distance.shape[1]
    steps = near[:, :, None] - near[:, None]
    between = np.sqrt(np.einsum("...d,...d->...", steps, steps))
    system = np.ones((len(query), count + 1, count + 1))
    system[:, :count, :count], system[:, count, count] = variogram(between), 0
    right = np.concatenate([variogram(distance), np.ones((len(query), 1))], 1)
    weights = np.linalg.solve(system, right[..., None])[:, :count, 0]
    return np.einsum("qk,qkc->qc", weights, values[which])


def fit_variogram(points: Points, values: PointValues) -> Variogram:
    """Fit variograms to the squared differences of pairs of points, and choose one by cross-validation.

    The pairs are those of 1000 points with each other and with their 24 nearest ones, averaged over 24 bins of distance
    up to half the largest. Exponential, spherical, Matern and power models are fitted by least squares of the relative
    errors, with a nugget and without. The one that predicts the 1000 points best from their neighbours is chosen.
    """
    distance, half_squared = _empirical(points, values)
    chosen = np.random.default_rng(0).permutation(len(points))[:SAMPLE]

    def error(variogram: Variogram) -> float:
        return float(np.mean(np.square(_predict(points, values, points[chosen], variogram, 1) - values[chosen])))

    fits = [_fit(shape, nugget, distance, half_squared) for shape in SHAPES for nugget in (False, True)]
    return min(fits, key=error)


def _fit(shape: str, with_nugget: bool, distance: Array, half_squared: Array) -> Variogram:
    """Fit one model to the mean half squared differences at some distances."""
    from scipy.optimize import least_squares

    scale = float(half_squared.max()) or 1.0

    def model(logarithms: Array) -> Variogram:
        sill, a, nugget = np.exp(np.clip(logarithms, -40, 40)).tolist()
        return Variogram(shape, NUGGET * scale + (nugget if with_nugget else 0), sill, a)

    def residual(logarithms: Array) -> Array:
        return np.log(model(logarithms)(distance) / np.maximum(half_squared, NUGGET * scale))

    start = np.log([scale, 1.0 if shape == "power" else float(np.median(distance)), 0.01 * scale])
    return model(least_squares(residual, start, max_nfev=40).x)


def _empirical(points: Points, values: PointValues) -> tuple[Array, Array]:
    """Return the mean distance and half the mean squared difference of the pairs of each bin that has some."""
    chosen = np.random.default_rng(0).permutation(len(points))[:SAMPLE]
    near, which = nearest_points(points, points[chosen], NEIGHBOURS + 1)
    first, second = np.triu_indices(len(chosen), 1)
    distance = np.concatenate([np.linalg.norm(points[chosen[first]] - points[chosen[second]], axis=1), near.ravel()])
    far = np.mean(np.square(values[chosen[first]] - values[chosen[second]]), 1)
    close = np.mean(np.square(values[chosen][:, None] - values[which]), -1)
    half_squared = np.concatenate([far, close.ravel()]) / 2
    edges = np.geomspace(distance[distance > 0].min(), distance.max() / 2, BINS + 1)
    number = np.digitize(distance, edges[1:-1])
    used = (distance > 0) & (distance <= edges[-1]) | (distance == distance[distance > 0].min())
    count = np.bincount(number[used], minlength=BINS).astype(float)
    kept = count > 0
    means = [np.bincount(number[used], a[used], minlength=BINS)[kept] / count[kept] for a in (distance, half_squared)]
    return means[0], means[1]
