"""Interpolation of scattered points in one call: positions and values in, a function of the position out."""

from __future__ import annotations  # so that help() shows ArrayLike by its name

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import ArrayLike

from inrr_jax.data import points as scattered
from inrr_jax.data.arrays import as_array
from inrr_jax.data.points import Points
from inrr_jax.data.units import units_of
from inrr_jax.errors import UserError
from inrr_jax.operators.sampling import Sampling
from inrr_jax.priors import covariance
from inrr_jax.priors.covariance import Kriging
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes.holdout import calibrate
from inrr_jax.settings import INTERPOLATION, Settings, check_settings
from inrr_jax.training import fit
from inrr_jax.training.fitted import FittedField, Frame
from inrr_jax.training.memory import check_memory

FOLDS = 5
"""Parts of the groups of points, of which one is held out to calibrate the deviation."""
FEW_GROUPS = 500
"""Groups up to which every part is held out in turn: a fifth of a hundred stations would say little."""
FEWEST_LINES = 10
"""Lines from which on points count as stations."""
FEWEST = 50
"""Values below which the deviation is not calibrated."""


@dataclass(frozen=True, eq=False, repr=False)
class Interpolation:
    """An interpolation of scattered values, called at positions like SciPy's `RBFInterpolator`."""

    points: Float64[np.ndarray, "M D"]
    values: Float64[np.ndarray, "M C"]
    kriging: Kriging
    scale: float
    """Factor on kriging's deviation, from held-out points."""
    flat: bool
    """Whether the values were given without an axis of channels."""

    def __repr__(self) -> str:
        """Return the numbers of points, coordinates and channels, instead of all values."""
        (points, coordinates), channels = self.points.shape, self.values.shape[1]
        return f"Interpolation(points={points}, coordinates={coordinates}, channels={channels})"

    def __call__(self, query: ArrayLike, *, return_std: bool = False) -> Any:
        """Return the values at positions.

        Args:
            query: [Q, D], or [Q] for points on a line.
            return_std: whether to return the standard deviation of a new measurement there as well: 90 % of the
                held-out values lie within 1.645 of it.

        Returns:
            float32 [Q, C], or [Q] if the values had no axis of channels; with `return_std` also a [Q] of deviations.

        Raises:
            UserError: the positions have another number of coordinates, or are not finite.
        """
        at, dimensions = as_array(query, "positions"), self.points.shape[1]
        at = at[:, None] if at.ndim == 1 and dimensions == 1 else at
        numbers = at.dtype.kind in "iuf" and at.ndim == 2 and at.shape[1] == dimensions
        if not numbers or not np.isfinite(at).all():
            raise UserError(f"positions are {at.dtype} of shape {at.shape}: give finite numbers [Q, {dimensions}]")
        mean, deviation = self.kriging.predict(at.astype(np.float64))
        mean = mean[:, 0] if self.flat else mean
        return (mean, self.scale * deviation) if return_std else mean

    def field(self, *, nodes: int = 64, settings: Settings | None = None) -> FittedField:
        """Fit a network to the values and, between them, to the interpolation: one function of the position.

        Args:
            nodes: of the grid on which the interpolation guides the fit, along its longest axis.
            settings: of the fit; None for `inrr_jax.INTERPOLATION`.

        Raises:
            UserError: the nodes are no whole number of at least 2, or the grid is too small for the settings or too
                large for the memory.
            DivergedError: a loss term was no number.
        """
        check_settings(settings)
        if not isinstance(nodes, Integral) or nodes < 2:
            raise UserError(f"nodes={nodes!r}: give a whole number of at least 2")
        settings = INTERPOLATION if settings is None else settings
        problem, frame = self._problem(nodes)
        check_memory(problem.domain, settings)
        guided = problem.with_auxiliary(guide=guide(problem))
        state, _ = fit.run(guided, settings)
        return FittedField.of(state.params, guided, settings, frame)

    def _problem(self, nodes: int) -> tuple[Problem, Frame]:
        """Return the problem of fitting a field on a box around the points, and the caller's coordinates of it."""
        box = scattered.box_around(self.points, nodes, rescale=True)
        units = units_of(self.values, np.ones(len(self.values), bool), per_channel=True)
        domain = Domain(box.shape, self.values.shape[1], None, box.spacing)
        operator = Sampling(jnp.asarray(box.to_domain(self.points)))
        problem = Problem(domain, operator, units.to_unit(self.values), units=units)
        return problem, Frame(box.low, box.step)


def interpolate(points: ArrayLike, values: ArrayLike, *, seed: int = 0) -> Interpolation:
    """Learn to interpolate scattered values, in any number of dimensions and any units.

    The values are modelled as a Gaussian process whose covariance has a length of its own along every axis and is
    learned from the values; a prediction uses the 32 points that are nearest in these lengths (priors/covariance.py).
    Coordinates such as years and degrees therefore need no scaling.

    Args:
        points: [M, D], or [M] for D = 1. Points that occur more than once are merged with a warning.
        values: [M, C], or [M].
        seed: of the points that are held out and learned from.

    Raises:
        UserError: other shapes or types, fewer than D + 1 different points, or a coordinate that is the same for all.
    """
    checked = scattered.check_points(points, values)
    groups = stations(checked.points)
    kriging = covariance.learn(*checked, seed, groups)
    return Interpolation(*checked, kriging, _calibrate(checked, groups, seed), flat=np.ndim(values) == 1)


def _calibrate(given: Points, groups: Int[np.ndarray, "M"], seed: int) -> float:
    """Return the factor on kriging's deviation, from values that are held out by groups; 1 if they are too few."""
    count = int(groups.max()) + 1
    if count < 2 * FOLDS or given.values.size < FEWEST:
        return 1.0
    part = np.random.default_rng(seed).permutation(count) % FOLDS
    errors, deviations = [], []
    for held_part in range(FOLDS if count <= FEW_GROUPS else 1):
        held = (part == held_part)[groups]
        _, rest = np.unique(groups[~held], return_inverse=True)
        learned = covariance.learn(given.points[~held], given.values[~held], seed, rest)
        mean, deviation = learned.predict(given.points[held])
        errors.append(mean - given.values[held])
        deviations.append(np.maximum(deviation, np.finfo(np.float32).tiny)[:, None])
    return calibrate(np.concatenate(errors), np.concatenate(deviations))


def stations(points: Float64[np.ndarray, "M D"]) -> Int[np.ndarray, "M"]:
    """Return the group of each point: the line that it lies on, if the points are lines along one axis.

    They are if at least 10 lines hold, on average, more than half of the different coordinates along the axis, as
    stations do that report at most times. A new position then lies on no line, so that predictions are judged on whole
    lines. Otherwise every point is a group of its own.
    """
    for axis in range(points.shape[1] if points.shape[1] > 1 else 0):
        different = len(np.unique(points[:, axis]))
        lines, group = np.unique(np.delete(points, axis, axis=1), axis=0, return_inverse=True)
        if different > 1 and len(lines) >= FEWEST_LINES and 2 * len(points) > different * len(lines):
            return group.reshape(-1)
    return np.arange(len(points))


def guide(problem: Problem) -> Float[np.ndarray, "*grid C"]:
    """Return the interpolation of a problem's scattered measurements on its grid, in the units of the measurements."""
    points = np.asarray(problem.operator.points, np.float64)
    kriging = covariance.learn(points, np.asarray(problem.measurements))
    nodes = np.asarray(problem.domain.points, np.float64)
    return kriging.predict(nodes)[0].reshape(*problem.domain.shape, -1)
