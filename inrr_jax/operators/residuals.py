"""Residuals: functions of a signal and its derivatives that should vanish, such as those of differential equations."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.operators import differential
from inrr_jax.operators.differential import Derivatives
from inrr_jax.problem import Domain, Evaluate, Evaluated, Request, draw_measurements

DRAWN = 4096
"""Points that a step draws for a constraint without points of its own, if the settings do not say how many."""


@dataclass(frozen=True)
class Signal:
    """A signal as residuals see it: a function of the position, with its derivatives as methods.

    Coordinates are those of the domain, whose longest axis spans [-1, 1].
    """

    evaluate: Evaluate

    def __call__(self, points: Float[Array, "N D"]) -> Float[Array, "N C"]:
        """Return the values."""
        return self.evaluate(points)

    def gradient(self, points: Float[Array, "N D"]) -> Float[Array, "N C D"]:
        """Return the derivatives of every channel along every axis."""
        return differential.gradient(self.evaluate, points)

    def value_and_gradient(self, points: Float[Array, "N D"]) -> tuple[Float[Array, "N C"], Float[Array, "N C D"]]:
        """Return values and derivatives at little more than the cost of the latter."""
        return differential.value_and_gradient(self.evaluate, points)

    def divergence(self, points: Float[Array, "N D"]) -> Float[Array, "N"]:
        """Return the divergence of a signal with one channel per dimension."""
        return differential.divergence(self.evaluate, points)

    def laplacian(self, points: Float[Array, "N D"], weights: tuple[float, ...] | None = None) -> Float[Array, "N C"]:
        """Return the Laplacian of every channel, or with weights sum_i w_i d² / d x_i²."""
        return differential.laplacian(self.evaluate, points, weights)

    def derivatives(self, points: Float[Array, "N D"]) -> Derivatives:
        """Return values, gradient and Laplacian at the cost of the Laplacian."""
        return differential.derivatives(self.evaluate, points)

    def hessian_vector(self, points: Float[Array, "N D"], vectors: Float[Array, "N D"]) -> Float[Array, "N C D"]:
        """Return the products of every channel's Hessian with one vector per point."""
        return differential.hessian_vector(self.evaluate, points, vectors)


Residual = Callable[..., Float[Array, "N *K"]]
"""(signal, points [N, D]) -> [N] or [N, K], or (signal, points, data [N, ...]) for constraints with data."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Constraint:
    """A residual that should vanish at certain points."""

    residual: Residual = dataclasses.field(metadata={"static": True})
    """(signal: Signal, points) -> [N] or [N, K]; with data: (signal, points, data)."""
    points: Any = None
    """[M, D]: where it should vanish; None: on the whole domain, at points that each step draws uniformly. Its type is
    Any, like those below, because pytrees are rebuilt with abstract values too."""
    data: Any = None
    """Arrays [M, ...], one row per point, that the residual needs; None: none."""
    weight: Any = 1.0
    """Factor on the mean of the squared residual."""

    def draw(self, domain: Domain, key: Key[Array, ""], count: int) -> tuple[Float[Array, "N D"], Any]:
        """Return the points and data of a step: `count` of them, or all if `count` is 0."""
        if self.points is None:
            half = jnp.asarray([axis[-1] for axis in grids.axes(domain.shape, domain.spacing)])
            return jax.random.uniform(key, (count or DRAWN, len(half)), minval=-1.0, maxval=1.0) * half[None, :], None
        index = draw_measurements(key, self.points.shape[0], count)
        # Without an index the whole set stays one constant of the program.
        if index.shape[0] == self.points.shape[0] and not 0 < count < self.points.shape[0]:
            return jnp.asarray(self.points), self.data
        return jnp.asarray(self.points)[index], jax.tree.map(lambda leaf: jnp.asarray(leaf)[index], self.data)

    def evaluate(self, signal: Evaluate, points: Float[Array, "N D"], data: Any) -> Float[Array, "N K"]:
        """Return the residual at points, always with a second axis.

        Raises:
            UserError: it does not have one row per point.
        """
        given = () if self.data is None else (data,)
        found = self.residual(Signal(signal), points, *given)
        shape = getattr(found, "shape", None)
        if shape is None or len(shape) not in (1, 2) or shape[0] != len(points):
            raise UserError(
                f"{_name(self.residual)} returns {_described(found)} for {len(points)} points: return one residual, or"
                f" one row of them, per point: ({len(points)},) or ({len(points)}, K)"
            )
        return found.reshape(len(points), -1)


class Residuals(NamedTuple):
    """Constraints on a signal; the misfit is the sum over constraints of weight x the mean of the squared residual.

    A step draws points of each constraint at random, which estimates the misfit without bias. The measurements of such
    a problem are the data of its constraints, so those of the problem are empty.
    """

    constraints: tuple[Constraint, ...]

    @property
    def on_grid(self) -> bool:
        """False: residuals are evaluated at points of their own."""
        return False

    def request(self, measurements: Any, domain: Domain, key: Key[Array, ""], count: int) -> Request:
        """Draw `count` points of each constraint, or take all if `count` is 0 or not below their number.

        The request has no points for values, because most residuals need derivatives and evaluate the signal by
        themselves.
        """
        keys = jax.random.split(key, len(self.constraints))
        drawn = tuple(c.draw(domain, k, count) for c, k in zip(self.constraints, keys, strict=True))
        return Request(drawn, None)

    def misfit(self, measurements: Any, evaluated: Evaluated) -> Float[Array, ""]:
        """Return the weighted sum of the mean squared residuals at the requested points."""
        pairs = list(zip(self.constraints, evaluated.measured, strict=True))
        parts = [c.weight * jnp.mean(c.evaluate(evaluated.signal, *drawn) ** 2) for c, drawn in pairs]
        return jnp.stack(parts).sum()

    def observed(self, domain: Domain) -> Bool[Array, "*grid"]:
        """Return False everywhere: residuals fix no entry of the grid by themselves."""
        return jnp.zeros(domain.shape, bool)

    def predict(self, signal: Evaluate, domain: Domain) -> tuple[Float[Array, "_ _"], ...]:
        """Return the residual of each constraint at all of its points, or at the nodes if it has none."""
        return tuple(
            c.evaluate(signal, domain.points if c.points is None else jnp.asarray(c.points), c.data)
            for c in self.constraints
        )


def check(constraints: tuple[Constraint, ...], domain: Domain) -> None:
    """Refuse constraints that do not suit a domain.

    Raises:
        UserError: points of another dimension or outside of the domain, data of another length, a weight below 0, or a
            residual that does not have one row per point.
    """
    for constraint in constraints:
        name, points = _name(constraint.residual), constraint.points
        weight = np.asarray(constraint.weight)
        if weight.ndim or weight.dtype.kind not in "iuf" or not 0 <= weight < np.inf:
            raise UserError(f"{name} has weight={constraint.weight!r}: give a number of at least 0")
        if points is None:
            if constraint.data is not None:
                raise UserError(f"{name} has data but no points: give the points to which the data belong")
        else:
            _check_points(name, np.asarray(points), constraint.data, domain)
        _check_residual(constraint, domain)


def _check_points(name: str, points: np.ndarray, data: Any, domain: Domain) -> None:
    dimensions = len(domain.shape)
    if points.ndim != 2 or points.shape[1] != dimensions or not len(points):
        raise UserError(f"{name} has points of shape {points.shape}: give (M, {dimensions}), one row per point")
    half = np.asarray([axis[-1] for axis in grids.axes(domain.shape, domain.spacing)])
    # The comparison is written so that NaN counts as outside.
    outside = ~(np.abs(points) <= half + 1e-5).all(axis=1)
    if outside.any():
        first, limits = int(outside.argmax()), ", ".join(f"{h:.4g}" for h in half)
        raise UserError(
            f"{name}: {outside.sum()} of {len(points)} points lie outside of the domain, the first at"
            f" {tuple(points[first].tolist())}: give coordinates within ±({limits})"
        )
    lengths = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(data)}
    if lengths - {(len(points),)}:
        raise UserError(f"{name} has {len(points)} points and data of other lengths: give one row of data per point")


def _check_residual(constraint: Constraint, domain: Domain) -> None:
    """Trace a residual on two points, without computing anything, so that a wrong shape is found before the fit."""

    def shaped(leaf):
        return jax.ShapeDtypeStruct((2, *np.shape(leaf)[1:]), jnp.asarray(leaf[:1]).dtype)

    def evaluate(points, data):
        # A plain polynomial of the position that has the domain's channels.
        def signal(points):
            return (points.sum(axis=1) ** 3)[:, None] * jnp.ones((1, domain.channels))

        return constraint.evaluate(signal, points, data)

    points = jax.ShapeDtypeStruct((2, len(domain.shape)), jnp.float32)
    jax.eval_shape(evaluate, points, jax.tree.map(shaped, constraint.data))


def scalar(domain: Domain, name: str) -> None:
    """Refuse a domain whose signal has several channels, for an equation of one function.

    Raises:
        UserError: it has.
    """
    if domain.channels != 1:
        raise UserError(
            f"{name} is an equation for one function, and the signal has {domain.channels} channels: give 1"
        )


def _name(residual: Residual) -> str:
    return f"the residual {getattr(residual, '__name__', type(residual).__name__)}"


def _described(found: Any) -> str:
    shape = getattr(found, "shape", None)
    return type(found).__name__ if shape is None else f"the shape {tuple(shape)}"
