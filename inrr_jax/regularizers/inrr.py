"""INRR's terms: Dirichlet energies whose graphs a tiny SIREN produces (Li et al., CVPR 2023, section 3.2).

`inrr` has a graph on the nodes of every axis, `inrr_nodes` one graph on scattered nodes, and `inrr_features` one on the
rows of a matrix that have features and no order.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import numerics
from inrr_jax.errors import UserError
from inrr_jax.fields.siren import Siren
from inrr_jax.options import at_least, choice, hyper
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.regularizers.dirichlet import from_factor
from inrr_jax.regularizers.laplacian import Graph, GraphConfig, adjacency, graph_term


@dataclass(frozen=True)
class LearnedGraph(TermConfig):
    """Options of a graph A = (R / n) G Gᵀ on n nodes, each row of whose factor G is a function of the node's position.

    A SIREN with a few thousand parameters maps the position to R numbers, and a softmax maps these to the node's row of
    G. Nearby nodes get similar rows, so A is smooth by construction.
    """

    weight: float = hyper(0.03, 0.0)
    """λ in mean form. Published for 256 x 256: 0.0655, which is 1e-6 in sum form, also for a frozen Laplacian."""
    width: int = at_least(32, 1)
    """Units of each hidden layer of the tiny SIREN."""
    depth: int = at_least(5, 1)
    """Hidden layers of the tiny SIREN."""
    omega: float = at_least(5.0, 0.0, above=True)
    """Frequency factor of its first layer: how fast the graph may vary along an axis."""
    rank: int = at_least(256, 1)
    """R, the columns of the factor G of the adjacency; on an axis at most the number of nodes is used."""

    candidates: ClassVar = (0.03, 0.13)
    learns: ClassVar = True

    def init(self, key: Key[Array, ""], dimensions: int, rank: int) -> Any:
        """Draw the parameters of the tiny SIREN."""
        like = jax.ShapeDtypeStruct((1, dimensions), jnp.float32)
        return self._network(rank).lazy_init(key, like, 1.0)["params"]

    def rows(self, params: Any, positions: Float[Array, "n K"], rank: int) -> Float[Array, "n R"]:
        """Return G at positions in [-1, 1]^K."""
        logits: Any = self._network(rank).apply({"params": params}, positions, self.omega)
        return jax.nn.softmax(logits, axis=-1)

    def _network(self, rank: int) -> Siren:
        return Siren(rank, self.width, self.depth, sine=numerics.fast_sine)


@dataclass(frozen=True)
class Config(LearnedGraph, GraphConfig):
    """Options of INRR's learned graphs."""

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return graph_term("inrr", self.graph, domain, self.acts_on)

    def graph(self, nodes: int) -> Graph:
        """Build the learned graph on the nodes of one axis, whose positions are linspace(-1, 1, n)."""

        def factor(params):
            return self.factor(params, nodes)

        return Graph(
            lambda key: self.init(key, 1, min(self.rank, nodes)),
            lambda params: adjacency(factor(params)),
            lambda params, fibers: from_factor(fibers, factor(params)),
        )

    def factor(self, params, nodes: int) -> Float[Array, "n R"]:
        """Return G from the parameters of one axis."""
        return self.rows(params, jnp.linspace(-1.0, 1.0, nodes)[:, None], min(self.rank, nodes))


@dataclass(frozen=True)
class NodesConfig(LearnedGraph):
    """Options of a learned graph on scattered nodes, for signals that live on no grid."""

    positions: str = choice("random", "given")
    """random: nodes are drawn uniformly from the domain in every step; given: from the rows of the problem's auxiliary
    array `nodes` [n, D], in the domain's coordinates."""
    count: int = at_least(256, 2)
    """Nodes drawn in each step."""

    @property
    def on_fibers(self) -> bool:
        """False: the nodes of a step are the term's own."""
        return False

    def build(self, domain: Domain) -> Term:
        """Build the term: the Dirichlet energy of A_pq = (R / n) <g(p), g(q)> over all n nodes, in mean form.

        g(p) is the row of a node p. With m nodes drawn with replacement, their rows G [m, R] and values F [m, C],

            E = m / (m - 1) tr(Fᵀ L F) / (m C),   A = (R / m) G Gᵀ,

        which estimates the energy of all nodes, or of the whole domain, without bias: a pair of draws is a random pair
        of nodes, except for the m of the m² pairs that are one draw twice and have no energy. Nothing has the size of
        n, and `dirichlet.from_factor` forms no m x m matrix.
        """

        def init(key):
            return {"all": self.init(key, len(domain.shape), self.rank)}

        def energies(params, sample, problem):
            points, values = sample.nodes["inrr_nodes"]
            factor = self.rows(params["inrr_nodes"]["all"], points, self.rank)
            return {"all": self.count / (self.count - 1) * from_factor(values[None], factor)}

        return Term(energies, init, request=self.draw)

    def draw(self, key: Key[Array, ""], problem: Problem) -> Float[Array, "m D"]:
        """Draw the nodes of a step with replacement.

        Raises:
            UserError: positions are to be given, and the problem has none of the domain's dimensions.
        """
        dimensions = len(problem.domain.shape)
        if self.positions == "random":
            ends = jnp.stack([jnp.stack([axis[0], axis[-1]]) for axis in problem.domain.axes])
            share = jax.random.uniform(key, (self.count, dimensions))
            return ends[None, :, 0] + share * (ends[:, 1] - ends[:, 0])[None, :]
        given = problem.auxiliary.get("nodes")
        if given is None or given.ndim != 2 or given.shape[1] != dimensions:
            shape = "none" if given is None else given.shape
            raise UserError(
                f"regularizer.inrr_nodes.positions=given with nodes of shape {shape}: give (n, {dimensions}) by"
                " problem.with_auxiliary(nodes=...), or positions=random"
            )
        return given[jax.random.randint(key, (self.count,), 0, given.shape[0])]


@dataclass(frozen=True)
class FeaturesConfig(LearnedGraph):
    """Options of a learned graph on the first axis, whose nodes are samples, users or genes: they have no order.

    The position of a node is replaced by its features, the rows of the auxiliary array `features` [n, K]: rows with
    similar features get similar rows of G.
    """

    count: int = at_least(4, 1)
    """K, the features of each row."""

    auxiliary: ClassVar = ("features",)

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain: the Dirichlet energy of the rows alone."""

        def energies(params, sample, problem):
            factor = self.rows(params["inrr_features"]["row"], problem.auxiliary["features"], self.rank)
            return {"row": from_factor(sample.along[0], factor)}

        return Term(energies, lambda key: {"row": self.init(key, self.count, self.rank)})


TERMS = {"inrr": Config, "inrr_nodes": NodesConfig, "inrr_features": FeaturesConfig}
