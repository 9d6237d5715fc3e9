"""A seismic survey: the records of shots, as a function of the velocity on a grid. Its inversion is FWI."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from inrr_jax.operators.acoustics import Medium, Spread
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.problem import Domain, Evaluated, Request


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Survey(GridOperator):
    """y = F R p(v) for shots S, times T and receivers R, with the velocity v = v_min + (v_max - v_min) clip(V, 0, 1).

    F is a filter in time that the measurements have passed as well. It filters records and not the wavelet, because its
    response begins before the shot, where a filtered wavelet would be cut off. The misfit is the mean of
    (w (F R p(v) - y))² over shots, times and receivers, with weights w. A step draws a random minibatch of the shots,
    or encodes them (Krebs et al., Geophysics 2009): the equation is linear in the sources, so that one simulation of
    all sources with random signs e_s gives sum_s e_s p_s. With independent signs the mean of (w (F R sum_s e_s p_s -
    sum_s e_s y_s))² is the sum of the misfits of all shots, because the products of different shots cancel.
    """

    wavelets: Any
    """[S, T], with the time step of the medium; their scale is such that measurements are of order 1."""
    response: Any
    """[T + 1], the factors of F on the frequencies k / (2 T dt), k = 0, ..., T."""
    sources: Spread
    receivers: Spread
    weights: Any
    """w, which broadcasts to [S, T, R, 1]."""
    emphasis: Any = None
    """[nz, nx, 1], a factor on the gradient with respect to V, as a preconditioner; None: 1."""
    medium: Medium = dataclasses.field(metadata={"static": True})
    slowest: float = dataclasses.field(metadata={"static": True})
    """v_min in m/s. v_max is the largest velocity of the medium."""
    water: tuple[int, float] = dataclasses.field(default=(0, 1500.0), metadata={"static": True})
    """Rows at the top whose velocity is known, and this velocity in m/s."""
    at_once: int = dataclasses.field(default=1, metadata={"static": True})
    """Shots that are computed together."""
    encoded: bool = dataclasses.field(default=False, metadata={"static": True})
    """Whether a step encodes the shots. All of them must have the first one's wavelet and be seen by all receivers,
    and a sample has the smallest of its weights."""

    def velocity(self, values: Float[Array, "nz nx 1"]) -> Float[Array, "nz nx"]:
        """Return the velocity in m/s for values in [0, 1]; those outside are clipped, so that time steps are stable.

        Water has its own.
        """
        velocity = self.slowest + (self.medium.fastest - self.slowest) * jnp.clip(values[..., 0], 0, 1)
        return velocity.at[: self.water[0]].set(self.water[1])

    def apply(self, values: Float[Array, "nz nx 1"]) -> Float[Array, "S T R 1"]:
        """Return the pressure at the receivers for all shots."""
        return self._records(values, jnp.arange(self.wavelets.shape[0]))

    def _records(self, values, shots: Int[Array, "B"]) -> Float[Array, "B T R 1"]:
        return self._filtered(self.simulated(values, shots))[..., None]

    def simulated(self, values: Float[Array, "nz nx 1"], shots: Int[Array, "B"]) -> Float[Array, "B T R"]:
        """Return R p(v), the pressure at the receivers before the filter, for some of the shots."""
        wavelets, sources = jax.tree.map(lambda part: jnp.asarray(part)[shots], (self.wavelets, self.sources))
        return self._pressure(values, wavelets, sources)

    def _pressure(self, values, wavelets: Float[Array, "B T"], sources: Spread) -> Float[Array, "B T R"]:
        if self.emphasis is not None:
            scaled = self.emphasis * values
            values = scaled + jax.lax.stop_gradient(values - scaled)
        return self.medium.record(self.velocity(values), wavelets, sources, self.receivers, self.at_once)

    def _filtered(self, records: Float[Array, "B T R"]) -> Float[Array, "B T R"]:
        """Return F of records, which are continued by as many zeros so that the response does not wrap around."""
        times = records.shape[1]
        spectrum = jnp.fft.rfft(records, 2 * times, axis=1) * jnp.asarray(self.response)[None, :, None]
        return jnp.fft.irfft(spectrum, 2 * times, axis=1)[:, :times]

    def request(
        self, measurements: Array | np.ndarray, domain: Domain, key: Key[Array, ""], count: int
    ) -> Request | None:
        """Draw `count` of the kept shots without replacement; all shots if `count` is 0 or not below their number.

        If shots are encoded, draw the signs [count, S] of as many simulations, which are 0 for shots that are not kept.
        """
        shots = self.wavelets.shape[0]
        if not 0 < count < shots:
            return None
        if self.encoded:
            signs = jax.random.rademacher(key, (count, shots), jnp.float32)
            return Request(signs if self.kept is None else signs * jnp.asarray(self.kept).reshape(1, shots), None)
        order = jax.random.uniform(key, (shots,))
        if self.kept is not None:
            order = order + ~jnp.asarray(self.kept).reshape(shots)
        return Request(jnp.argsort(order)[:count], None)

    def misfit(self, measurements: Float[Array | np.ndarray, "S T R 1"], evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean squared weighted difference over the requested shots that are kept."""
        sample = evaluated.sample
        if evaluated.measured is None or sample is None or sample.whole is None:
            return super().misfit(jnp.asarray(measurements), evaluated)
        compare = self._encoded_distance if self.encoded else self._distance
        return compare(sample.whole, measurements, evaluated.measured)

    def _encoded_distance(self, values, measurements, signs: Float[Array, "B S"]):
        """Return an estimate of the misfit of all kept shots from simulations of all sources together."""
        count, shots = signs.shape
        rows, columns = (jnp.broadcast_to(part.reshape(-1), (count, part.size)) for part in self.sources[:2])
        signed = signs[..., None] * jnp.asarray(self.sources.weights)[None]
        together = Spread(rows, columns, signed.reshape(count, -1))
        wavelets = jnp.broadcast_to(jnp.asarray(self.wavelets)[0], (count, self.wavelets.shape[1]))
        records = self._filtered(self._pressure(values, wavelets, together))
        error = records - jnp.tensordot(signs, jnp.asarray(measurements)[..., 0], 1)
        weights = jnp.broadcast_to(jnp.asarray(self.weights), measurements.shape).min(axis=0)[..., 0]
        kept = shots if self.kept is None else jnp.maximum(jnp.asarray(self.kept).sum(), 1)
        return jnp.mean((weights[None] * error) ** 2) / kept

    def distance(
        self, values: Float[Array, "nz nx 1"], measurements: Float[Array | np.ndarray, "S T R 1"]
    ) -> Float[Array, ""]:
        """Return the mean squared weighted difference over the kept shots."""
        return self._distance(values, measurements, jnp.arange(self.wavelets.shape[0]))

    def difference(
        self, records: Float[Array, "S T R"], measurements: Float[Array | np.ndarray, "S T R 1"]
    ) -> Float[Array, ""]:
        """Return the mean squared weighted difference over the kept shots, of records that `simulated` has returned.

        Surveys that differ in their filters and weights alone can share them.
        """
        return self._difference(self._filtered(records)[..., None], measurements, jnp.arange(self.wavelets.shape[0]))

    def _distance(self, values, measurements, shots):
        return self._difference(self._records(values, shots), measurements, shots)

    def _difference(self, records, measurements, shots):
        error = records - jnp.asarray(measurements)[shots]
        weights = jnp.broadcast_to(jnp.asarray(self.weights), measurements.shape)[shots]
        each = jnp.mean((weights * error) ** 2, axis=(1, 2, 3))
        if self.kept is None:
            return each.mean()
        kept = jnp.asarray(self.kept).reshape(-1)[shots]
        return jnp.sum(jnp.where(kept, each, 0.0)) / jnp.maximum(kept.sum(), 1)

    def units(self, shape: tuple[int, ...]) -> Int[np.ndarray, "..."]:
        """Return the number of the shot of each measurement: whole shots are held out."""
        return np.arange(shape[0]).reshape(-1, 1, 1, 1)
