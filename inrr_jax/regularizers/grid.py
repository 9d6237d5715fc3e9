"""The Dirichlet energy of the fixed path graph: Tikhonov regularisation of order 1."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from inrr_jax.options import hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term
from inrr_jax.regularizers.dirichlet import from_adjacency
from inrr_jax.regularizers.laplacian import Graph, GraphConfig, graph_term


@dataclass(frozen=True)
class Config(GraphConfig):
    """Options of the path graph."""

    weight: float = hyper(0.03, 0.0)
    """λ in mean form."""

    candidates: ClassVar = (0.01, 0.05)

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return graph_term("grid", graph, domain, self.acts_on)


def graph(nodes: int) -> Graph:
    """Build the path graph: A_ij = 1 for |i - j| = 1.

    Its Dirichlet energy is the sum of squared differences of neighbours, whose minimiser is harmonic wherever nothing
    is observed.
    """
    fixed = jnp.eye(nodes, k=1) + jnp.eye(nodes, k=-1)
    return Graph(lambda key: {}, lambda params: fixed, lambda params, fibers: from_adjacency(fibers, fixed))


TERMS = {"grid": Config}
