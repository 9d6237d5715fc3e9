"""Recovery problems: a signal's domain, what an operator measured of it, and the truth where it is known.

The measurements are y = A(f) + noise, where f is the signal, a function of the position, and A the operator. Problems
are pytrees: they pass through `jax.jit` and `jax.vmap`, with the domain as a static part.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.fibers import Sample

Evaluate = Callable[[Float[Array, "N D"]], Float[Array, "N C"]]
"""A signal as a function: points -> values."""


@jax.tree_util.register_static
@dataclass(frozen=True)
class Domain:
    """The grid on which a signal is recovered, its channels and the range of its values."""

    shape: tuple[int, ...]
    """Nodes along each axis."""
    channels: int
    bounds: tuple[float, float] | None = (0.0, 1.0)
    """Smallest and largest value of the signal, in its own units; None: unbounded."""
    spacing: tuple[float, ...] | None = None
    """Distance of neighbouring nodes along each axis, in any unit; None: equal on all axes."""
    length: str = ""
    """The unit of the spacing, for labels; empty if it is unknown."""
    unit: str = ""
    """The unit of the signal's own values, for labels; empty if it is unknown."""
    signal: int = 0
    """The first channels, if they alone are the signal that regularisers see. The others are unknowns of the
    instrument, which are recovered with it. 0: all channels."""

    def __post_init__(self) -> None:
        """Convert lists to tuples.

        Raises:
            UserError: a value is of another kind, or out of range.
        """
        for name in ("shape", "bounds", "spacing"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        _require(_whole(self.shape), "shape", self.shape, "the nodes along each axis, such as (64, 64)")
        _require(_whole((self.channels,)), "channels", self.channels, "a whole number of at least 1")
        between = (0.0, 1.0) if self.bounds is None else self.bounds
        rises = _finite(between) and len(between) == 2 and between[0] < between[1]
        _require(rises, "bounds", self.bounds, "the smallest and the largest value, such as (0, 1), or None")
        steps = (1.0,) * len(self.shape) if self.spacing is None else self.spacing
        positive = _finite(steps) and len(steps) == len(self.shape) and min(steps) > 0
        _require(positive, "spacing", self.spacing, f"{len(self.shape)} numbers above 0, or None")
        inside = _whole((self.signal,), least=0) and self.signal <= self.channels
        _require(inside, "signal", self.signal, f"a whole number of at most {self.channels}, the channels")

    @property
    def axes(self) -> tuple[Float[Array, "_"], ...]:
        """The coordinates of the nodes along each axis; the longest axis spans [-1, 1] (grids.py)."""
        return tuple(map(jnp.asarray, grids.axes(self.shape, self.spacing)))

    @property
    def points(self) -> Float[Array, "N D"]:
        """The coordinates of all nodes, in row-major order."""
        return grids.all_points(self.axes)

    def places(self, points: Float[Array, "N D"]) -> Float[Array, "N D"]:
        """Return the index of each point along each axis, as a real number that is whole on nodes."""
        return grids.places(points, self.shape, self.spacing)

    def nearest(self, points: Float[Array, "N D"]) -> tuple[Int[Array, "N"], ...]:
        """Return the index of the node nearest to each point, one array per axis."""
        return grids.nearest(points, self.shape, self.spacing)

    def squash(self, values: Float[Array, "N C"]) -> Float[Array, "N C"]:
        """Map a network's unbounded output into the bounds: low + (high - low) sigmoid(x)."""
        if self.bounds is None:
            return values
        low, high = self.bounds
        unit = jax.nn.sigmoid(values)
        # (0, 1) stays a plain sigmoid: an added zero would round -0 and cost an operation per entry.
        return unit if (low, high) == (0.0, 1.0) else low + (high - low) * unit


def _whole(values: Any, least: int = 1) -> bool:
    """Return whether values are a tuple of whole numbers that are not below the least."""
    numbers = isinstance(values, tuple) and values and all(isinstance(n, Integral) for n in values)
    return bool(numbers) and min(values) >= least


def _finite(values: Any) -> bool:
    """Return whether values are a tuple of finite real numbers."""
    return isinstance(values, tuple) and all(isinstance(x, Real) and math.isfinite(x) for x in values)


def _require(right: bool, name: str, value: Any, accepted: str) -> None:
    if not right:
        raise UserError(f"{name}={value!r} of a domain: give {accepted}")


class Request(NamedTuple):
    """The measurements that a step compares with, and the points at which their operator needs the signal."""

    measured: Any
    """What says which measurements these are, in any form that the operator understands: row-major indices [B], or
    arrays."""
    points: Float[Array, "N D"] | None
    """None: the operator evaluates the signal by itself, because it needs derivatives."""


def draw_measurements(key: Key[Array, ""], total: int, count: int) -> Int[Array, "B"]:
    """Draw `count` of `total` measurements with replacement, or return all if `count` is 0 or not below `total`."""
    return jax.random.randint(key, (count,), 0, total) if 0 < count < total else jnp.arange(total)


class Evaluated(NamedTuple):
    """What an operator may compare with its measurements."""

    sample: Sample | None
    """Values on the fibers of this step; None if nothing needs them."""
    measured: Any
    """As in the operator's own request; None if it has made none."""
    values: Float[Array, "N C"] | None
    """Values at the points of this request; None if it has none."""
    signal: Evaluate
    """The signal itself, for operators that differentiate it."""


@runtime_checkable
class Operator(Protocol):
    """The measurement operator A, a pytree of arrays.

    An operator compares the measurements with the values at points that it requests, or, if it requests none, with the
    values on the fibers that the regularisers need too.
    """

    on_grid: bool
    """Whether values on the whole grid can replace the points that the operator would request."""

    def request(self, measurements: Array, domain: Domain, key: Key[Array, ""], count: int) -> Request | None:
        """Choose `count` of the measurements at random (0: all) and the points that they need; None if no points."""

    def misfit(self, measurements: Array, evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean squared difference of prediction and measurements, estimated from the values of a step."""

    def observed(self, domain: Domain) -> Bool[Array, "*grid"]:
        """Return the entries of the grid whose values are measured directly; all False for indirect measurements."""

    def predict(self, signal: Evaluate, domain: Domain) -> Array:
        """Return A(f): noiseless measurements of a signal, in the shape of the measurements."""


class Problem(NamedTuple):
    """Measurements of a signal, and all else that a fit may use."""

    domain: Domain
    operator: Any
    """An `Operator`. Its type is Any because protocols and pytrees of abstract values do not go together."""
    measurements: Any
    """y, as an array."""
    auxiliary: Mapping[str, Any] = {}
    """Arrays [*grid, C] that some fields or regularisers need in addition, by name: `first_estimate`, `guide`."""
    truth: Any = None
    """The signal [*grid, C] for scoring; None if it is unknown. `visible` removes it: no fit ever sees it."""
    units: Any = None
    """A `data.units.Units`, which maps the signal's values to its own units; None if they are the same."""
    stages: tuple[tuple[Any, Any], ...] = ()
    """Operator and measurements of the earlier stages of a fit, such as lower frequencies, with equal shapes. All
    stages take equally many steps, and the problem's own operator and measurements are those of the last stage."""

    @property
    def visible(self) -> "Problem":
        """The part of the problem that a fit may see, as arrays on the device."""
        return jax.tree.map(jnp.asarray, self._replace(truth=None, units=None, stages=()))

    def at(self, share: float) -> "Problem":
        """Return the problem of the stage that a share of a fit's steps, in [0, 1), has reached."""
        index = int(share * (len(self.stages) + 1))
        if index >= len(self.stages):
            return self
        operator, measurements = self.stages[index]
        return self._replace(operator=operator, measurements=measurements)

    @property
    def digest(self) -> str:
        """A short hash of the contents, equal for equal problems."""
        arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(self._replace(auxiliary={}))]
        # The operator's arrays are leaves; an operator without arrays is described by its text.
        operator = repr(self.operator) if not jax.tree.leaves(self.operator) else type(self.operator).__name__
        parts = [f"{self.domain} {operator}".encode()]
        parts += [part for array in arrays for part in (str(array.shape).encode(), array.tobytes())]
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]

    def with_auxiliary(self, **arrays: Any) -> "Problem":
        """Return the problem with auxiliary arrays added or replaced."""
        return self._replace(auxiliary={**self.auxiliary, **arrays})
