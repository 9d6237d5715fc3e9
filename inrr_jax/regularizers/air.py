"""AIR's term: Dirichlet energies whose graphs are free matrices (Li et al., SIAM J. Imaging Sci. 2022)."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from inrr_jax.options import hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term
from inrr_jax.regularizers.dirichlet import from_adjacency
from inrr_jax.regularizers.laplacian import Graph, GraphConfig, graph_term


@dataclass(frozen=True)
class Config(GraphConfig):
    """Options of AIR's learned graphs."""

    weight: float = hyper(0.655, 0.0)
    """λ in mean form, as published for 256 x 256 (1e-5 in sum form)."""

    candidates: ClassVar = (0.13, 0.655)
    learns: ClassVar = True
    # Every entry of the matrix moves on its own, so it needs larger steps than INRR's networks, which would collapse.
    habits: ClassVar = {"optimizer.laplacian_rate": 0.2}

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return graph_term("air", graph, domain, self.acts_on)


def graph(nodes: int) -> Graph:
    """Build AIR's learned graph: A = (S + Sᵀ) / 2 with S the softmin of a free matrix W [n, n] over its rows.

    S_ij = exp(-W_ij) / sum_k exp(-W_ik), so the degrees are 1 on average. W starts at 0, where all nodes are alike.
    """

    def adjacency(params):
        similar = jax.nn.softmax(-params["similarity"], axis=-1)
        return (similar + similar.T) / 2

    return Graph(
        lambda key: {"similarity": jnp.zeros((nodes, nodes))},
        adjacency,
        lambda params, fibers: from_adjacency(fibers, adjacency(params)),
    )


TERMS = {"air": Config}
