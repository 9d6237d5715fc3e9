"""Variations of the term `inrr`, which benchmarks/variations.py compares with the original.

Each is a subclass of the term's options, takes its place in the settings, and changes one thing: the energy, the
network that makes the graph, or what the energy acts on. docs/variations.md has the equations.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax import grids, numerics
from inrr_jax.fields import siren
from inrr_jax.options import at_least
from inrr_jax.problem import Domain
from inrr_jax.regularizers import inrr
from inrr_jax.regularizers.base import Term
from inrr_jax.regularizers.dirichlet import from_adjacency, from_factor
from inrr_jax.regularizers.laplacian import Graph, adjacency, laplacian
from inrr_jax.types import axis_names


def times_laplacian(fibers: Float[Array, "F n C"], factor: Float[Array, "n R"]) -> Float[Array, "F n C"]:
    """Return L X = d x - (R / n) G (Gᵀ x) for every fiber and channel x, without an n x n matrix."""
    nodes, rank = factor.shape
    # As in the Dirichlet energy: L does not see the mean, which would cost digits.
    centred = fibers - fibers.mean(axis=1, keepdims=True)
    degree = factor @ factor.sum(axis=0)
    projected = jnp.einsum("nr,fnc->frc", factor, centred)
    return (rank / nodes) * (degree[None, :, None] * centred - jnp.einsum("nr,frc->fnc", factor, projected))


def power_energy(fibers: Float[Array, "F n C"], factor: Float[Array, "n R"], power: int) -> Float[Array, ""]:
    """Return tr(Xᵀ L^p X) / (F n C): the Dirichlet energy of L^((p - 1)/2) X for odd p, |L^(p/2) X|² for even p."""
    for _ in range(power // 2):
        fibers = times_laplacian(fibers, factor)
    return from_factor(fibers, factor) if power % 2 else jnp.mean(fibers**2)


def huber_energy(fibers: Float[Array, "F n C"], similar: Float[Array, "n n"], delta: float) -> Float[Array, ""]:
    """Return 1/(2 F n C) sum_ij A_ij rho(|x_i - x_j|) over all entries of the fibers, in O(n² F C) operations.

    rho(s) = s² for s <= δ and δ (2 s - δ) above: the Dirichlet energy where all differences are below δ.

    Args:
        fibers: values along the axis.
        similar: A >= 0.
        delta: δ > 0, in the units of the signal.
    """
    size = jnp.abs(fibers[:, :, None] - fibers[:, None])
    rho = jnp.where(size <= delta, size**2, delta * (2 * size - delta))
    return jnp.sum(similar[None, :, :, None] * rho) / (2 * fibers.size)


@dataclass(frozen=True)
class Power(inrr.Config):
    """tr(Xᵀ L^p X)."""

    power: int = at_least(2, 1)

    def graph(self, nodes: int) -> Graph:
        """Build the learned graph on the nodes of one axis."""
        return (
            super()
            .graph(nodes)
            ._replace(energy=lambda params, fibers: power_energy(fibers, self.factor(params, nodes), self.power))
        )


@dataclass(frozen=True)
class Huber(inrr.Config):
    """Half the sum over ij of A_ij rho(|x_i - x_j|), with Huber's function rho, which is linear above delta."""

    delta: float = at_least(0.05, 0.0, above=True)

    def graph(self, nodes: int) -> Graph:
        """Build the learned graph on the nodes of one axis."""
        return (
            super()
            .graph(nodes)
            ._replace(
                energy=lambda params, fibers: huber_energy(fibers, adjacency(self.factor(params, nodes)), self.delta)
            )
        )


@dataclass(frozen=True)
class Normalised(inrr.Config):
    """tr(Xᵀ (I - D^-1/2 A D^-1/2) X), the Dirichlet energy of D^-1/2 X."""

    def graph(self, nodes: int) -> Graph:
        """Build the learned graph on the nodes of one axis."""

        def energy(params, fibers):
            factor = self.factor(params, nodes)
            degree = factor.shape[1] / nodes * (factor @ factor.sum(axis=0))
            return from_factor(fibers * jax.lax.rsqrt(degree)[None, :, None], factor)

        return super().graph(nodes)._replace(energy=energy)


@dataclass(frozen=True)
class Distances(inrr.Config):
    """A = (S + Sᵀ)/2 with S the softmax over j != i of -|z_i - z_j|²/2, where z is the tiny SIREN's output.

    Every node has a degree of 1 on average, so that the energy cannot be lowered by edges that vanish.
    """

    rank: int = at_least(8, 1)
    """Entries of z."""

    def graph(self, nodes: int) -> Graph:
        """Build the learned graph on the nodes of one axis."""

        def similar(params):
            positions = jnp.linspace(-1.0, 1.0, nodes)[:, None]
            z: Any = self._network(self.rank).apply({"params": params}, positions, self.omega)
            squares = jnp.sum((z[:, None] - z[None]) ** 2, axis=-1)
            rows = jax.nn.softmax(jnp.where(jnp.eye(nodes, dtype=bool), -jnp.inf, -squares / 2), axis=-1)
            return (rows + rows.T) / 2

        return Graph(
            lambda key: self.init(key, 1, self.rank),
            similar,
            lambda params, fibers: from_adjacency(fibers, similar(params)),
        )


@dataclass(frozen=True)
class SharedTrunk(inrr.Config):
    """One tiny SIREN with one output head for each axis, in place of one network for each axis."""

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        names, ranks = axis_names(len(domain.shape)), [min(self.rank, nodes) for nodes in domain.shape]
        ends = np.cumsum(ranks).tolist()

        def factor(own, axis):
            positions = jnp.linspace(-1.0, 1.0, domain.shape[axis])[:, None]
            outputs: Any = self._network(ends[-1]).apply({"params": own["all"]}, positions, self.omega)
            return jax.nn.softmax(outputs[:, ends[axis] - ranks[axis] : ends[axis]], axis=-1)

        def energies(params, sample, problem):
            return {
                name: from_factor(fibers, factor(params["inrr"], axis))
                for axis, (name, fibers) in enumerate(zip(names, sample.along, strict=True))
            }

        def laplacians(own):
            return {name: laplacian(adjacency(factor(own, axis))) for axis, name in enumerate(names)}

        return Term(energies, lambda key: {"all": self.init(key, 1, ends[-1])}, laplacians)


@dataclass(frozen=True)
class OnFeatures(inrr.Config):
    """tr(Fᵀ L F) with F the activations of the field's last hidden layer in place of the values."""

    field: siren.Config = siren.Config()
    """The field of the fit, with the default omega."""

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain and random fibers."""
        term, omega = super().build(domain), self.field.omega_per_node * max(domain.shape)

        def energies(params, sample, problem):
            # The same points as in the plan of the step, so that XLA evaluates the field there once.
            points = jnp.concatenate([grids.positions(domain.axes, index) for index in sample.drawn])
            found = features(self.field, domain.channels, params["field"], points, omega)
            parts = jnp.split(found, np.cumsum([index[0].size for index in sample.drawn])[:-1])
            along = tuple(part.reshape(*i[0].shape, -1) for part, i in zip(parts, sample.drawn, strict=True))
            return term.energies(params, sample._replace(along=along), problem)

        return term._replace(energies=energies)


def features(
    field: siren.Config, channels: int, params: Any, points: Float[Array, "N D"], omega: float
) -> Float[Array, "N K"]:
    """Return the activations of the last hidden layer of a SIREN at points."""
    module = field.module(channels)
    _, sown = module.apply({"params": params}, points, omega, mutable=["intermediates"])
    return numerics.SINES[field.sine](sown["intermediates"]["pre_activation"][-1])
