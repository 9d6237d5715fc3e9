"""Interpolation along the axes of a grid, between the observed entries of each of its lines.

All lines along an axis are treated at once: their observed entries, the knots, are concatenated in row-major order, and
the interval between the last knot of a line and the first of the next one is marked as a break.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from inrr_jax.baselines.tensors.contract import Observed, Spacing, Values, completing
from inrr_jax.baselines.tensors.nearest import nearest


class Knots(NamedTuple):
    """The observed entries of all lines along one axis, K of them."""

    values: Float[np.ndarray, "K C"]
    position: Int[np.ndarray, "K"]
    """Index of the node along the axis."""
    inverse_length: Float[np.ndarray, "_"]
    """1 / h of the interval from each knot to the next one, in units of the spacing; zero at a break between lines."""

    @property
    def secants(self) -> Float[np.ndarray, "_ C"]:
        """Slopes of the straight lines between neighbouring knots, zero at breaks."""
        return np.diff(self.values, axis=0) * self.inverse_length[:, None]


Slopes = Callable[[Knots], Float[np.ndarray, "K C"]]


@completing
def linear(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Interpolate linearly along every axis and average over the axes; see `along_axes`."""
    return along_axes(values, mask, None)


@completing
def pchip(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Interpolate by monotone cubics along every axis and average over the axes; see `along_axes`."""
    return along_axes(values, mask, monotone_slopes)


@completing
def spline(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Interpolate by natural cubic splines along every axis and average over the axes; see `along_axes`."""
    return along_axes(values, mask, natural_slopes)


def along_axes(values: Values, mask: Observed, slopes: Slopes | None) -> Float[np.ndarray, "*grid C"]:
    """Interpolate along every axis, and average the estimates with the inverses of their expected squared errors.

    An entry between knots at the distances l and r has, if the signal is a Brownian motion along the axis, the expected
    squared error ``v l r / (l + r)`` of linear interpolation. Beyond the last knot of a line, whose value is repeated,
    it is ``v l``. `variation` measures v for each axis. Entries of which no line has a knot take the nearest value.

    Args:
        values: zero where missing.
        mask: True where observed.
        slopes: the derivatives at the knots, for cubic interpolation; None: linear interpolation.
    """
    total, weights = np.zeros(values.shape, np.float32), np.zeros(mask.shape, np.float32)
    for axis, rate in enumerate(variation(values, mask)):
        if np.isfinite(rate):
            estimate, distance = along(np.moveaxis(values, axis, -2), np.moveaxis(mask, axis, -1), slopes)
            weight = np.moveaxis(1 / (max(rate, 1e-12) * distance), -1, axis)
            total += weight[..., None] * np.moveaxis(estimate, -2, axis)
            weights += weight
    reached = weights > 0
    if reached[~mask].all():
        return total / np.where(reached, weights, 1)[..., None]
    return np.where(reached[..., None], total / np.where(reached, weights, 1)[..., None], nearest(values, mask))


def variation(values: Values, mask: Observed) -> Float[np.ndarray, "D"]:
    """Return the mean squared change of the observed values per unit of distance along each axis.

    Every knot between two others is predicted linearly from them; with l and r as in `along_axes`,
    ``v = sum of squared errors / sum of l r / (l + r)``. Where no line has three knots, differences of neighbouring
    knots replace the errors and their distances l r / (l + r). Infinite where no line has two knots.
    """
    views = [(np.moveaxis(values, axis, -2), np.moveaxis(mask, axis, -1)) for axis in range(mask.ndim)]
    return np.array([_variation(knots_of(*view)) for view in views])


def weights(values: Values, mask: Observed) -> Float[np.ndarray, "D"]:
    """Return the inverse of `variation` for each axis: the precision of the changes along it, positive and finite.

    Axes along which nothing can be measured have the smallest weight of all.
    """
    precision = 1 / np.maximum(variation(values, mask), 1e-12)
    return np.where(precision > 0, precision, np.min(precision[precision > 0], initial=1e12))


def _variation(knots: Knots) -> float:
    before, after = knots.inverse_length[:-1], knots.inverse_length[1:]
    inner = (before > 0) & (after > 0)
    if inner.any():
        # With the secants s and lengths l, r, the error is (s_before - s_after) l r / (l + r).
        distance = 1 / (before[inner] + after[inner])
        errors = np.diff(knots.secants, axis=0)[inner] * distance[:, None]
        return float(np.mean(np.square(errors), -1).sum() / distance.sum())
    joined = knots.inverse_length > 0
    if not joined.any():
        return float("inf")
    differences = np.diff(knots.values, axis=0)[joined]
    return float(np.mean(np.square(differences), -1).sum() / (1 / knots.inverse_length[joined]).sum())


def knots_of(values: Float[np.ndarray, "*lines n C"], mask: Bool[np.ndarray, "*lines n"]) -> Knots:
    """Collect the observed entries of all lines along the last axis of the grid."""
    line, position = np.divmod(np.flatnonzero(mask), mask.shape[-1])
    length = np.diff(position)
    inverse = np.divide(1.0, length, out=np.zeros(len(length)), where=np.diff(line) == 0)
    return Knots(values[mask].astype(np.float64), position, inverse)


def along(
    values: Float[np.ndarray, "*lines n C"], mask: Bool[np.ndarray, "*lines n"], slopes: Slopes | None
) -> tuple[Float[np.ndarray, "*lines n C"], Float[np.ndarray, "*lines n"]]:
    """Interpolate along the last axis of the grid.

    Returns:
        The estimates, and the effective distance of each missing entry from its knots: l r / (l + r) between two of
        them, l beyond the last one, and infinite in a line without knots. At observed entries they are zero and one.
    """
    knots = knots_of(values, mask)
    missing = np.flatnonzero(~mask)
    position = missing % mask.shape[-1]
    right = np.cumsum(mask.ravel())[missing]  # number of the first knot after the entry
    left = right - 1
    to_left, has_left = _distance(mask, knots, missing, position, left)
    to_right, has_right = _distance(mask, knots, missing, position, right)
    estimate = np.zeros((len(missing), values.shape[-1]), np.float32)
    estimate[has_left] = knots.values[left[has_left]]
    estimate[has_right] = knots.values[right[has_right]]
    both = has_left & has_right
    estimate[both] = hermite(knots, slopes, left[both], to_left[both])
    with np.errstate(divide="ignore"):  # a line without knots has the distance 1 / 0
        distance = 1 / (np.where(has_left, 1 / to_left, 0) + np.where(has_right, 1 / to_right, 0))
    estimates, distances = np.zeros(values.shape, np.float32), np.ones(mask.shape, np.float32)
    estimates[~mask], distances[~mask] = estimate, distance
    return estimates, distances


def _distance(
    mask: Bool[np.ndarray, "*lines n"],
    knots: Knots,
    missing: Int[np.ndarray, "M"],
    position: Int[np.ndarray, "M"],
    knot: Int[np.ndarray, "M"],
) -> tuple[Int[np.ndarray, "M"], Bool[np.ndarray, "M"]]:
    """Return the distance of each missing entry from a knot, one where there is none, and whether its line has it."""
    flat = np.flatnonzero(mask)
    inside = np.clip(knot, 0, len(flat) - 1)
    same = (inside == knot) & (flat[inside] // mask.shape[-1] == missing // mask.shape[-1])
    return np.where(same, abs(position - knots.position[inside]), 1), same


def hermite(
    knots: Knots, slopes: Slopes | None, left: Int[np.ndarray, "M"], distance: Int[np.ndarray, "M"]
) -> Float[np.ndarray, "M C"]:
    """Evaluate the interpolant at a distance after each of some knots that are not the last of their lines.

    With t in [0, 1] along the interval of length h, values y, slopes d and the secant s,
    ``y_0 + h t [s + (1 - t) ((1 - t) (d_0 - s) - t (d_1 - s))]``, which is linear where the slopes equal the secant.
    """
    inverse = knots.inverse_length[left]
    t, along = (distance * inverse)[:, None], distance[:, None]
    secant = (knots.values[left + 1] - knots.values[left]) * inverse[:, None]
    if slopes is None:
        return knots.values[left] + along * secant
    derivative = slopes(knots)
    bend = (1 - t) * (derivative[left] - secant) - t * (derivative[left + 1] - secant)
    return knots.values[left] + along * (secant + (1 - t) * bend)


def natural_slopes(knots: Knots) -> Float[np.ndarray, "K C"]:
    """Return the slopes of natural cubic splines: two continuous derivatives, and no curvature at either end.

    ``d_{k-1} / h_{k-1} + 2 d_k (1 / h_{k-1} + 1 / h_k) + d_{k+1} / h_k = 3 (s_{k-1} / h_{k-1} + s_k / h_k)``. With
    1 / h = 0 at breaks, the first and last rows of each line are the natural conditions: one solve serves all lines.
    """
    from scipy.linalg import solveh_banded

    inverse = np.pad(knots.inverse_length, 1)
    flux = np.pad(knots.secants * knots.inverse_length[:, None], ((1, 1), (0, 0)))
    diagonal = 2 * (inverse[:-1] + inverse[1:])
    diagonal[diagonal == 0] = 1  # lines with one knot have no slope
    return solveh_banded(np.stack([inverse[:-1], diagonal]), 3 * (flux[:-1] + flux[1:]), check_finite=False)


def monotone_slopes(knots: Knots) -> Float[np.ndarray, "K C"]:
    """Return slopes with which the interpolant is monotone where the data are (Fritsch and Butland, 1984).

    The weighted harmonic mean ``3 (h_{k-1} + h_k) / ((2 h_k + h_{k-1}) / s_{k-1} + (h_k + 2 h_{k-1}) / s_k)`` where the
    secants have the same sign, and zero where they do not. At an end of a line the slope is the secant.
    """
    joined = np.pad(knots.inverse_length > 0, 1)
    length = np.pad(np.divide(1, knots.inverse_length, out=np.zeros(len(joined) - 2), where=joined[1:-1]), 1)[:, None]
    secant = np.pad(knots.secants, ((1, 1), (0, 0)))
    before, after, h, k = secant[:-1], secant[1:], length[:-1], length[1:]
    ends = (joined[:-1] != joined[1:])[:, None]
    denominator = (2 * k + h) * after + (k + 2 * h) * before
    mean = np.divide(3 * (h + k) * before * after, denominator, out=np.zeros_like(before), where=before * after > 0)
    return np.where(ends, before + after, mean)
