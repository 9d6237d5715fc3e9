"""Interpolation in rescaled coordinates, for axes of different units."""

import functools

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.points.contract import Interpolate, Points, PointValues, Query, QueryValues

FACTORS = (0.25, 0.5, 2.0, 4.0)
SWEEPS = 3  # over the axes; each has the square roots of the factors of the one before
HELD = 0.1  # share of the points that is held out
MOST_HELD = 2000


def standardised(interpolate: Interpolate) -> Interpolate:
    """Return an interpolation in coordinates that are divided by the standard deviations of the points."""

    @functools.wraps(interpolate)
    def in_standard_units(points: Points, values: PointValues, query: Query) -> QueryValues:
        scale = standard_scale(points)
        return interpolate(points * scale, values, query * scale)

    return in_standard_units


def scaled(interpolate: Interpolate) -> Interpolate:
    """Return an interpolation in coordinates whose scales are those that predict held-out points best.

    The more the values change along an axis, the longer its scale should be.
    """

    @functools.wraps(interpolate)
    def in_chosen_units(points: Points, values: PointValues, query: Query) -> QueryValues:
        scale = choose_scale(interpolate, points, values)
        return interpolate(points * scale, values, query * scale)

    return in_chosen_units


def standard_scale(points: Points) -> Float[np.ndarray, "D"]:
    """Return the inverse of the standard deviation along each axis; one where all points are equal."""
    if not len(points):
        return np.ones(points.shape[1])
    deviation = points.std(0, dtype=np.float64)
    return 1 / np.where(deviation > 0, deviation, 1)


def choose_scale(interpolate: Interpolate, points: Points, values: PointValues) -> Float[np.ndarray, "D"]:
    """Choose the scale of each axis by the error on a tenth of the points, 2000 at most, which are held out.

    From `standard_scale` on, one axis after the other, except the first, is multiplied by 1/4, 1/2, 2 or 4 if that
    lowers the error; then by the square roots of these factors, and by their fourth roots.
    """
    count = min(int(HELD * len(points)), MOST_HELD)
    best = standard_scale(points)
    if count < 1:
        return best
    held = np.random.default_rng(0).permutation(len(points)) < count

    def error(scale: Float[np.ndarray, "D"]) -> float:
        predicted = interpolate(points[~held] * scale, values[~held], points[held] * scale)
        return float(np.mean(np.square(predicted - values[held])))

    smallest = error(best)
    for sweep in range(SWEEPS):
        for axis in range(1, points.shape[1]):
            start = best
            for factor in FACTORS:
                trial = start * np.where(np.arange(points.shape[1]) == axis, factor ** (0.5**sweep), 1)
                reached = error(trial)
                if reached < smallest:
                    best, smallest = trial, reached
    return best
