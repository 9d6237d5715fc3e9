"""INRR's term: Dirichlet energies whose graphs a tiny SIREN produces (Li et al., CVPR 2023, section 3.2)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax import numerics
from inrr_jax.fields.siren import Siren
from inrr_jax.options import at_least, hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.regularizers.dirichlet import from_factor
from inrr_jax.regularizers.laplacian import Graph, adjacency, graph_term


@dataclass(frozen=True)
class Config(TermConfig):
    """Options of INRR's learned graphs."""

    weight: float = hyper(0.03, 0.0)
    """λ in mean form. Published for 256 x 256: 0.0655, which is 1e-6 in sum form, also for a frozen Laplacian."""
    width: int = at_least(32, 1)
    """Units of each hidden layer of the tiny SIREN."""
    depth: int = at_least(5, 1)
    """Hidden layers of the tiny SIREN."""
    omega: float = at_least(5.0, 0.0, above=True)
    """Frequency factor of its first layer: how fast the graph may vary along an axis."""
    rank: int = at_least(256, 1)
    """R, the columns of the factor G of the adjacency; at most the number of nodes is used."""

    candidates: ClassVar = (0.03, 0.13)
    learns: ClassVar = True

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return graph_term("inrr", self.graph, domain)

    def graph(self, nodes: int) -> Graph:
        """Build the learned graph on the nodes of one axis: A = (R / n) G Gᵀ.

        A SIREN g with a few thousand parameters maps a node's position in linspace(-1, 1, n) to R numbers, and a
        softmax maps these to the node's row of G. Nearby nodes get similar rows, so A is smooth by construction.
        """
        network, positions = self._network(nodes)

        def init(key):
            return network.lazy_init(key, jax.ShapeDtypeStruct(positions.shape, jnp.float32), 1.0)["params"]

        def factor(params):
            return self.factor(params, nodes)

        return Graph(
            init,
            lambda params: adjacency(factor(params)),
            lambda params, fibers: from_factor(fibers, factor(params)),
        )

    def factor(self, params, nodes: int) -> Float[Array, "n R"]:
        """Return G from the parameters of one axis."""
        network, positions = self._network(nodes)
        logits: Any = network.apply({"params": params}, positions, self.omega)
        return jax.nn.softmax(logits, axis=-1)

    def _network(self, nodes: int) -> tuple[Siren, Float[Array, "n 1"]]:
        rank = min(self.rank, nodes)
        network = Siren(rank, self.width, self.depth, sine=numerics.fast_sine)
        return network, jnp.linspace(-1.0, 1.0, nodes)[:, None]


TERMS = {"inrr": Config}
