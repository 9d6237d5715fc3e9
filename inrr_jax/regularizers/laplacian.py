"""The graph Laplacian L = D - A of an axis, and the term that puts one such graph on every axis."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term
from inrr_jax.types import axis_names


class Graph(NamedTuple):
    """A weighted graph on the n nodes of one axis: pure functions of its parameters, which are empty if it is fixed."""

    init: Callable[[Key[Array, ""]], Any]
    adjacency: Callable[[Any], Float[Array, "n n"]]
    """params -> A >= 0."""
    energy: Callable[[Any, Float[Array, "F n C"]], Float[Array, ""]]
    """(params, values on fibers along the axis) -> Dirichlet energy in mean form."""


def graph_term(name: str, build: Callable[[int], Graph], domain: Domain) -> Term:
    """Return the sum of the Dirichlet energies of all axes, each with a graph of its own.

    Args:
        name: the term's parameter group.
        build: number of nodes -> graph.
        domain: of the signal.
    """
    graphs = dict(zip(axis_names(len(domain.shape)), map(build, domain.shape), strict=True))

    def init(key):
        drawn = {axis: graph.init(jax.random.fold_in(key, i)) for i, (axis, graph) in enumerate(graphs.items())}
        return drawn if jax.tree.leaves(drawn) else {}

    def energies(params, sample, problem):
        own = params.get(name, {})
        along = zip(graphs.items(), sample.along, strict=True)
        return {axis: graph.energy(own.get(axis, {}), fibers) for (axis, graph), fibers in along}

    def laplacians(own):
        return {axis: laplacian(graph.adjacency(own.get(axis, {}))) for axis, graph in graphs.items()}

    return Term(energies, init, laplacians)


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
