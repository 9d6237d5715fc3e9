"""The graph Laplacian L = D - A of an axis, and the term that puts one such graph on every axis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax.errors import UserError
from inrr_jax.fibers import Sample
from inrr_jax.options import choice
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.types import Lines, axis_names


@dataclass(frozen=True)
class GraphConfig(TermConfig):
    """Options of every term with one graph per axis."""

    acts_on: str = choice("signal", "factors")
    """signal: the energies are those of the signal's fibers; factors: those of the matrix [n, R] of each axis of a
    factorised field, at the cost of R columns in place of all fibers."""

    @property
    def on_fibers(self) -> bool:
        """Whether the energies are those of fibers."""
        return self.acts_on == "signal"

    @property
    def of_values(self) -> bool:
        """Whether the energies are those of the signal's values."""
        return self.acts_on == "signal"


class Graph(NamedTuple):
    """A weighted graph on the n nodes of one axis: pure functions of its parameters, which are empty if it is fixed."""

    init: Callable[[Key[Array, ""]], Any]
    adjacency: Callable[[Any], Float[Array, "n n"]]
    """params -> A >= 0."""
    energy: Callable[[Any, Float[Array, "F n C"]], Float[Array, ""]]
    """(params, values on fibers along the axis) -> Dirichlet energy in mean form."""


def graph_term(name: str, build: Callable[[int], Graph], domain: Domain, acts_on: str) -> Term:
    """Return the sum of the Dirichlet energies of all axes, each with a graph of its own.

    Args:
        name: the term's parameter group.
        build: number of nodes -> graph.
        domain: of the signal.
        acts_on: `signal` or `factors`, as in `GraphConfig`.
    """
    graphs = dict(zip(axis_names(len(domain.shape)), map(build, domain.shape), strict=True))

    def init(key):
        drawn = {axis: graph.init(jax.random.fold_in(key, i)) for i, (axis, graph) in enumerate(graphs.items())}
        return drawn if jax.tree.leaves(drawn) else {}

    def energies(params, sample, problem):
        own = params.get(name, {})
        lines = sample.along if acts_on == "signal" else normalised_factors(sample, name)
        along = zip(graphs.items(), lines, strict=True)
        return {axis: graph.energy(own.get(axis, {}), fibers) for (axis, graph), fibers in along}

    def laplacians(own):
        return {axis: laplacian(graph.adjacency(own.get(axis, {}))) for axis, graph in graphs.items()}

    return Term(energies, init, laplacians)


def normalised_factors(sample: Sample, name: str) -> Lines:
    """Return each factor U [1, n, R] of the field divided by its root mean square.

    Without the division an energy could be lowered by smaller factors and a larger core, which are the same signal.

    Raises:
        UserError: the field of the term `name` has no factors.
    """
    if not sample.factors:
        raise UserError(
            f"regularizer.{name}.acts_on=factors: the field has none: use field.name=tucker or cp, or acts_on=signal"
        )
    return tuple(factor * jax.lax.rsqrt(jnp.mean(factor**2) + 1e-12) for factor in sample.factors)


def adjacency(factor: Float[Array, "n R"]) -> Float[Array, "n n"]:
    """Return A = (R / n) G Gᵀ: symmetric, A >= 0.

    The paper has A = G Gᵀ with R = n. The factor is 1 there, and keeps the degrees near 1 at other sizes.
    """
    nodes, rank = factor.shape
    return (rank / nodes) * factor @ factor.T


def laplacian(adjacency: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return L = D - A with D = diag(A 1): positive semi-definite, with rows that sum to 0.

    Self-loops (the diagonal of A) cancel in L, so they need no masking.
    """
    return jnp.diag(adjacency.sum(axis=1)) - adjacency
