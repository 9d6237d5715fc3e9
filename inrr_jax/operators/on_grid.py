"""Operators that act on all values of a grid at once: blur, projections, Fourier samples, and functions of a caller."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax.errors import UserError
from inrr_jax.operators import noise
from inrr_jax.operators.noise import Gaussian, Noise
from inrr_jax.problem import Domain, Evaluate, Evaluated, Request, draw_measurements

LARGEST_SHARE = 0.5
"""Largest share of the measurements that may be held out."""


@dataclass(frozen=True, kw_only=True)
class GridOperator:
    """Base class: y = A(V) + noise for the values V [*grid, C] of a signal on the nodes of its grid.

    The misfit is the mean over the kept measurements of the noise model's misfit, which is (A(V) - y)² by default. A
    subclass is a dataclass, registered as a pytree, that defines `apply`. The last axis of the measurements holds
    channels, or parts of a complex number.
    """

    kept: Any = None
    """Bool array that broadcasts to the measurements, False where one is held out or missing; None: all are used."""
    noise: Noise = dataclasses.field(default=Gaussian(), metadata={"static": True})
    """The model of the noise."""

    on_grid = True

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*m K"]:
        """Return A(V), the measurements without noise."""
        raise NotImplementedError

    def request(self, measurements: Array, domain: Domain, key: Key[Array, ""], count: int) -> Request | None:
        """Request no points in addition to the grid."""
        return None

    def misfit(self, measurements: Float[Array, "*m K"], evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean misfit of the kept measurements.

        Raises:
            UserError: the step has not evaluated the whole grid.
        """
        sample = evaluated.sample
        if sample is None or sample.whole is None:
            raise UserError(f"{type(self).__name__} needs the values of the whole grid: set train.fibers=0")
        return self.distance(sample.whole, measurements)

    def distance(self, values: Float[Array, "*grid C"], measurements: Float[Array, "*m K"]) -> Float[Array, ""]:
        """Return the mean misfit of the kept measurements for values on the grid."""
        return noise.mean(self.noise.misfit(self.apply(values), measurements), self.kept)

    def observed(self, domain: Domain) -> Bool[Array, "*grid"]:
        """Return False everywhere: such measurements fix no entry of the grid exactly."""
        return jnp.zeros(domain.shape, bool)

    def predict(self, signal: Evaluate, domain: Domain) -> Float[Array, "*m K"]:
        """Return the measurements of a signal without noise."""
        return self.apply(signal(domain.points).reshape(*domain.shape, domain.channels))

    def units(self, shape: tuple[int, ...]) -> Int[np.ndarray, "..."]:
        """Return the number of the unit of each measurement, in a shape that broadcasts to that of the measurements.

        The measurements of one unit are held out together. By default they are those of one place, whose channels are
        on the last axis. A unit with a negative number is never held out.
        """
        return np.arange(math.prod(shape[:-1])).reshape(*shape[:-1], 1)

    def blocks(self, shape: tuple[int, ...]) -> Int[np.ndarray, "..."]:
        """Return the number of the block of each measurement, as `units` does that of its unit, which it is by default.

        A block is what is missing as a whole, such as a view of a tomograph. The neighbours of a single held-out
        measurement in its block predict it well, however wrong the signal is elsewhere.
        """
        return self.units(shape)

    def hold_out(
        self, shape: tuple[int, ...], seed: int, share: float, whole: bool = False
    ) -> "tuple[GridOperator, GridOperator]":
        """Split the kept measurements at random in two, unit by unit or block by block.

        Args:
            shape: of the measurements.
            seed: determines the units or blocks.
            share: of the units or blocks that are held out, in (0, 0.5].
            whole: whether whole blocks are held out.

        Returns:
            The operator with the measurements to fit, and the one with those that are held out.

        Raises:
            UserError: the share is out of range, or there are fewer than two units.
        """
        units = self.blocks(shape) if whole else self.units(shape)
        kept = np.True_ if self.kept is None else np.asarray(self.kept)
        # Units that an earlier split has held out are no longer among those that can be drawn.
        free = np.unique(np.broadcast_to(units, shape)[np.broadcast_to(kept, shape)])
        free = free[free >= 0]
        if not 0 < share <= LARGEST_SHARE or len(free) < 2:
            raise UserError(
                f"share={share} of {len(free)} measurements: hold out a share in (0, {LARGEST_SHARE}] of at least 2"
            )
        # The entry after the last unit, at the index -1, is that of measurements that are never held out.
        drawn = np.zeros(int(units.max()) + 2, bool)
        drawn[np.random.default_rng(seed).permutation(free)[: max(1, round(share * len(free)))]] = True
        fitted, held = kept & ~drawn[units], kept & drawn[units]
        return dataclasses.replace(self, kept=fitted), dataclasses.replace(self, kept=held)


class LocalOperator(GridOperator):
    """Base class of operators whose measurements each depend on the signal at few points.

    A step that evaluates the whole grid uses `apply`. Any other step draws measurements at random and evaluates the
    signal at their own points, which estimates the misfit without bias. A subclass defines `shape`, `points` and
    `combine` in addition to `apply`.
    """

    def shape(self, domain: Domain) -> tuple[int, ...]:
        """Return the shape of the measurements, without the channels.

        Raises:
            UserError: the operator does not suit the domain.
        """
        raise NotImplementedError

    def points(self, index: Int[Array, "B"], domain: Domain) -> Float[Array, "N D"]:
        """Return the points of some measurements, given by their row-major indices."""
        raise NotImplementedError

    def combine(self, values: Float[Array, "N C"], index: Int[Array, "B"]) -> Float[Array, "B C"]:
        """Return measurements from the values at their points."""
        raise NotImplementedError

    def request(self, measurements: Float[Array, "*m C"], domain: Domain, key: Key[Array, ""], count: int) -> Request:
        """Draw `count` of the measurements with replacement, or take all if `count` is 0 or not below their number.

        Raises:
            UserError: the operator does not suit the domain, or the measurements have another shape.
        """
        shape = self.shape(domain)
        if measurements.shape != (*shape, domain.channels):
            raise UserError(
                f"measurements of shape {measurements.shape}: give {(*shape, domain.channels)} for"
                f" {type(self).__name__}, with channels last"
            )
        index = draw_measurements(key, math.prod(shape), count)
        return Request(index, self.points(index, domain))

    def misfit(self, measurements: Float[Array, "*m C"], evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean misfit of the requested measurements, or of all from the values of the whole grid."""
        index = evaluated.measured
        if index is None:
            return super().misfit(measurements, evaluated)
        assert evaluated.values is not None
        flat = measurements.reshape(-1, measurements.shape[-1])
        errors = self.noise.misfit(self.combine(evaluated.values, index), flat[index])
        if self.kept is None:
            return noise.mean(errors, None)
        kept = jnp.broadcast_to(jnp.asarray(self.kept), measurements.shape)
        return noise.mean(errors, kept.reshape(flat.shape)[index])

    def predict(self, signal: Evaluate, domain: Domain) -> Float[Array, "*m C"]:
        """Return the measurements of a signal without noise, from its values at their points."""
        shape = self.shape(domain)
        index = jnp.arange(math.prod(shape))
        return self.combine(signal(self.points(index, domain)), index).reshape(*shape, -1)
