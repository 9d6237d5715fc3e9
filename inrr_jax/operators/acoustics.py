"""Acoustic waves in two dimensions: pressure at receivers from velocity, sources and their wavelets.

The equation is p_tt / v² - p_zz - p_xx = sum_s w_s(t) delta(x - x_s), with constant density. It is discretised to
second order in time and to fourth or eighth order in space (Dablain, Geophysics 1986):

    p_{n+1} = E [2 p_n + (v dt)² (L p_n + s_n) - E p_{n-1}],

where L is the discrete Laplacian, and E = exp(-damping dt) is 1 inside of the model and smaller in the layers around it
(a sponge: Cerjan et al., Geophysics 1985). A free surface is p = 0 at the first row, with the pressure continued above
it as an odd function.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from inrr_jax.errors import UserError

STENCILS = {4: (-5 / 2, 4 / 3, -1 / 12), 8: (-205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560)}
"""Weights of the second derivative at distances 0, 1, ... by order of accuracy."""
SINC_RADIUS, SINC_SHAPE = 4, 6.31
"""Of the windowed sine that spreads a point over nodes (Hicks, Geophysics 2002, table 1: up to half of Nyquist)."""
REFLECTION, POWER = 0.1, 2
"""Of the absorbing layers: what normal incidence leaves of an amplitude, and the growth of the damping with depth."""
Model = Float[Array | np.ndarray, "nz nx"]


class Spread(NamedTuple):
    """Points as weighted nodes of the padded grid: a point at a node is that node with weight 1."""

    rows: Int[Array | np.ndarray, "P K"]
    columns: Int[Array | np.ndarray, "P K"]
    weights: Float[Array | np.ndarray, "P K"]

    def read(self, field: Float[Array, "Z X"]) -> Float[Array, "P"]:
        """Return a field at the points."""
        return jnp.sum(field[self.rows, self.columns] * self.weights, axis=1)

    def read_nodes(self, field: Float[Array, "Z X"], halo: int) -> Float[Array, "P K"]:
        """Return a field without halo at the nodes of each point."""
        return field[self.rows - halo, self.columns - halo]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Medium:
    """A grid of velocities with the layers around it, and the steps in time."""

    shape: tuple[int, int]
    """Nodes in depth and along the surface."""
    spacing: tuple[float, float]
    """Distance of nodes in depth and along the surface, in m."""
    step: float
    """Time step in s."""
    fastest: float
    """Largest velocity that a model may have, in m/s, for which the step is stable."""
    order: int = 8
    """Order of accuracy in space, 4 or 8."""
    layer: int = 40
    """Nodes of the absorbing layer on each side."""
    free_surface: bool = False
    """Whether the pressure is zero at the first row. Otherwise an absorbing layer is above it."""
    block: int = 40
    """Time steps whose wave fields are kept at once for a gradient. Each block is computed again in the backward pass,
    so that the fields of one block fit into the cache."""

    def __post_init__(self):
        """Check that the time steps are stable.

        Raises:
            UserError: they are not, or a number is out of range.
        """
        if self.order not in STENCILS:
            raise UserError(f"order={self.order} in space: give 4 or 8")
        if min(self.shape) < 2 or min(self.spacing) <= 0 or self.layer < 0 or self.block < 1:
            raise UserError(
                f"a model of {self.shape} nodes every {self.spacing} m with a layer of {self.layer}: give at least"
                " 2 x 2 nodes, spacings above 0 m and a layer of at least 0"
            )
        limit = stable_step(self.fastest, self.spacing, self.order)
        if not 0 < self.step <= limit:
            raise UserError(
                f"a time step of {self.step:g} s is unstable at {self.fastest:g} m/s on nodes every"
                f" {min(self.spacing):g} m: give at most {limit:.3g} s, a lower largest velocity, or a coarser grid"
            )

    @property
    def halo(self) -> int:
        """Nodes on each side of the padded grid that only stencils read."""
        return self.order // 2

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Nodes of the layers before and after each axis, without the halo."""
        return (0 if self.free_surface else self.layer, self.layer), (self.layer, self.layer)

    @property
    def decay(self) -> Float[np.ndarray, "Z X"]:
        """E on the nodes of the model and its layers."""
        exponent = np.zeros([n + sum(pad) for n, pad in zip(self.shape, self.padding, strict=True)])
        for axis, (pads, h) in enumerate(zip(self.padding, self.spacing, strict=True)):
            outside = np.concatenate([np.arange(pads[0], 0, -1), np.zeros(self.shape[axis]), np.arange(1, pads[1] + 1)])
            # The integral of the damping over the way in and out, divided by the velocity, is log(1 / REFLECTION).
            strongest = self.fastest * math.log(1 / REFLECTION) * (POWER + 1) / (2 * max(self.layer, 1) * h)
            damping = strongest * (outside / max(self.layer, 1)) ** POWER
            exponent += np.expand_dims(damping, 1 - axis)
        decay = np.exp(-exponent * self.step)
        if self.free_surface:
            decay[0] = 0.0
        return decay

    def spread(self, points: Float[np.ndarray, "P 2"]) -> Spread:
        """Return points (depth, distance along the surface) in m, from the model's first node, as weighted nodes.

        A point between nodes is spread over 8 x 8 of them by a sine cardinal with a Kaiser window. With a free surface,
        nodes above it are those below with the opposite sign.

        Raises:
            UserError: a point lies outside of the model.
        """
        places = np.asarray(points, np.float64) / np.asarray(self.spacing)
        ends = np.subtract(self.shape, 1)
        outside = ~((places >= -1e-6) & (places <= ends + 1e-6)).all(axis=1)
        if outside.any():
            size = " x ".join(f"{n * h:g}" for n, h in zip(ends, self.spacing, strict=True))
            where = tuple(np.asarray(points)[outside][0].round(3).tolist())
            raise UserError(
                f"a source or receiver at (depth, distance) = {where} m lies outside of the model of {size} m: give"
                " positions in m inside of it"
            )
        each = [_sinc(place) for place in np.clip(places, 0, ends).T]
        if all((np.abs(weights).max(axis=1) > 1 - 1e-9).all() for _, weights in each):
            each = [(np.rint(place)[:, None].astype(int), np.ones((len(place), 1))) for place in places.T]
        rows, columns, weights = _outer(*each)
        if self.free_surface:
            weights, rows = np.where(rows < 0, -weights, weights), np.abs(rows)
        limits = [(-pad[0], n + pad[1] - 1) for n, pad in zip(self.shape, self.padding, strict=True)]
        inside = np.ones(rows.shape, bool)
        for index, (low, high) in zip((rows, columns), limits, strict=True):
            inside &= (index >= low) & (index <= high)
        padded = [np.clip(i, *b) + self.halo - b[0] for i, b in zip((rows, columns), limits, strict=True)]
        return Spread(
            padded[0].astype(np.int32), padded[1].astype(np.int32), np.where(inside, weights, 0.0).astype(np.float32)
        )

    def record(
        self,
        velocity: Model,
        wavelets: Float[Array | np.ndarray, "S T"],
        sources: Spread,
        receivers: Spread,
        at_once: int = 1,
    ) -> Float[Array, "S T R"]:
        """Return the pressure of each shot at the receivers, at the times of the wavelets' samples.

        The sample at index n of a record is the pressure at time n dt, where the wavelet's first sample is at time 0.

        Args:
            velocity: in m/s, above 0 and at most `fastest`, which is not checked here.
            wavelets: of each shot, sampled at the time step.
            sources: one point per shot.
            receivers: of all shots.
            at_once: shots that are computed together. On a CPU one after another is fastest, because the wave field of
                one shot fits into the cache.
        """
        padded = jnp.pad(jnp.asarray(velocity), self.padding, mode="edge")
        factor = (padded * self.step) ** 2
        shots = (jnp.asarray(wavelets), jax.tree.map(jnp.asarray, sources))

        def one(shot):
            wavelet, source = shot
            return self._shot(factor, wavelet, Spread(*(part[None] for part in source)), receivers)

        return jax.lax.map(one, shots, batch_size=at_once if at_once > 1 else None)

    def _shot(self, factor: Float[Array, "Z X"], wavelet: Float[Array, "T"], source: Spread, receivers: Spread):
        """Return the record of one shot."""
        steps = wavelet.shape[0]
        forces = jnp.pad(wavelet, (0, -steps % self.block)).reshape(-1, self.block)
        return _propagate(self, factor, forces / math.prod(self.spacing), source, receivers)[:steps]

    def laplacian(self, pressure: Float[Array, "_ _"]) -> Float[Array, "_ _"]:
        """Return L p on the nodes that are not in the halo."""
        halo, (rows, columns) = self.halo, pressure.shape
        weights, (down, along) = STENCILS[self.order], (1 / h**2 for h in self.spacing)

        def shifted(z, x):
            return pressure[halo + z : rows - halo + z, halo + x : columns - halo + x]

        total = (weights[0] * (down + along)) * shifted(0, 0)
        for k, weight in enumerate(weights[1:], 1):
            total = total + weight * down * (shifted(k, 0) + shifted(-k, 0))
            total = total + weight * along * (shifted(0, k) + shifted(0, -k))
        return total

    def advance(self, state, factor, decay):
        """Return the pressure after one step without its sources, and L p."""
        now, before = state
        halo = self.halo
        inner = (slice(halo, -halo),) * 2
        curvature = self.laplacian(now)
        after = decay * (2 * now[inner] + factor * curvature - decay * before[inner])
        # The oldest field is overwritten in place.
        return self.mirrored(jax.lax.dynamic_update_slice(before, after, (halo, halo))), curvature

    def mirrored(self, pressure):
        """Return the pressure with the rows above a free surface set to the negative of those below."""
        if not self.free_surface:
            return pressure
        halo = self.halo
        return jax.lax.dynamic_update_slice(pressure, -pressure[2 * halo : halo : -1], (0, 0))


def stable_step(fastest: float, spacing: tuple[float, float], order: int = 8) -> float:
    """Return the largest stable time step in s: dt = 2 / (v sqrt(sum over axes of sum_k |w_k| / h²)).

    The sum over the weights is the largest eigenvalue of -L, at the shortest waves of the grid.
    """
    centre, *others = STENCILS[order]
    largest = abs(centre) + 2 * sum(map(abs, others))
    return 2 / (fastest * math.sqrt(sum(largest / h**2 for h in spacing)))


def _sinc(places: Float[np.ndarray, "P"]) -> tuple[Int[np.ndarray, "P 8"], Float[np.ndarray, "P 8"]]:
    """Return the nodes around each place of one axis, and their weights."""
    radius = SINC_RADIUS
    nodes = np.floor(places + 1e-9).astype(int)[:, None] + np.arange(1 - radius, radius + 1)
    distance = places[:, None] - nodes
    window = np.i0(SINC_SHAPE * np.sqrt(np.maximum(1 - (distance / radius) ** 2, 0))) / np.i0(SINC_SHAPE)
    return nodes, np.sinc(distance) * window


def _outer(first, second):
    """Return rows, columns and weights of all pairs of nodes of two axes."""
    shape = (len(first[0]), first[0].shape[1], second[0].shape[1])
    rows = np.broadcast_to(first[0][:, :, None], shape)
    columns = np.broadcast_to(second[0][:, None, :], shape)
    weights = first[1][:, :, None] * second[1][:, None, :]
    return tuple(array.reshape(len(array), -1) for array in (rows, columns, weights))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _propagate(medium: Medium, factor, forces: Float[Array, "B T"], source: Spread, receivers: Spread):
    """Return the pressure [B T, R] at the receivers before each step, for B blocks of T steps each.

    JAX's own derivative of a step is several times slower, because the transpose of a slice is a padded array for each
    point of the stencil. L is symmetric, so the backward pass is the same stencil as the forward one.
    """
    return _forward(medium, factor, forces, source, receivers)[0]


def _forward(medium, factor, forces, source, receivers):
    """Return the records, and what the backward pass needs: the state of the waves before each block."""

    def block(state, force):
        after, (records, _) = _steps(medium, state, factor, force, source, receivers, keep=False)
        return after, (records, state)

    still = (jnp.zeros([n + 2 * medium.halo for n in factor.shape], factor.dtype),) * 2
    _, (records, states) = jax.lax.scan(block, still, forces)
    return records.reshape(-1, records.shape[-1]), (factor, forces, source, receivers, states)


def _steps(medium, state, factor, forces, source, receivers, *, keep):
    """Take the steps of a block; with `keep`, return L p before each step too."""
    decay = jnp.asarray(medium.decay, factor.dtype)
    gain = source.read_nodes(factor * decay, medium.halo) * source.weights

    def step(state, force):
        after, curvature = medium.advance(state, factor, decay)
        after = medium.mirrored(after.at[source.rows, source.columns].add(gain * force))
        return (after, state[0]), (receivers.read(state[0]), curvature if keep else None)

    # Two steps per iteration: the two fields of the state then swap places without a copy.
    return jax.lax.scan(step, state, forces, unroll=2)


def _backward(medium, residuals, cotangent):
    """Return the gradients of the factor c = (v dt)² and of the forces s.

    For a_n, the derivative of the loss with respect to p_n, the field q_n = c E a_n obeys the forward recursion
    backwards in time, with the derivatives with respect to the records as sources. The derivative with respect to c is
    the sum over n of q_{n+1} (L p_n + s_n) / c, and that with respect to s_n is q_{n+1} at the source.
    """
    factor, forces, source, receivers, states = residuals
    decay = jnp.asarray(medium.decay, factor.dtype)
    gain = receivers.read_nodes(factor * decay, medium.halo) * receivers.weights
    inner = (slice(medium.halo, -medium.halo),) * 2

    def step(carry, inputs):
        (q, later), total = carry
        residual, curvature = inputs
        total = total + q[inner] * curvature
        earlier, _ = medium.advance((q, later), factor, decay)
        earlier = medium.mirrored(earlier.at[receivers.rows, receivers.columns].add(gain * residual[:, None]))
        return ((earlier, q), total), q[source.rows, source.columns]

    def block(carry, inputs):
        state, force, residual = inputs
        _, (_, curvature) = _steps(medium, state, factor, force, source, receivers, keep=True)
        return jax.lax.scan(step, carry, (residual, curvature), reverse=True)

    still = (jnp.zeros(states[0].shape[1:], factor.dtype),) * 2
    by_block = cotangent.reshape(*forces.shape, -1)
    (_, total), at_source = jax.lax.scan(
        block, (still, jnp.zeros_like(factor)), (states, forces, by_block), reverse=True
    )
    own = source.weights * jnp.tensordot(forces, at_source, ((0, 1), (0, 1)))
    total = total.at[source.rows - medium.halo, source.columns - medium.halo].add(own)
    return total / factor, jnp.sum(at_source * source.weights[None, None], axis=(2, 3)), None, None


_propagate.defvjp(_forward, _backward)
