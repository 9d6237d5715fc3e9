"""The graph Laplacian L = D - A of an axis: from a tiny network, from a free matrix, or fixed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import numerics
from inrr_jax.fields.siren import Siren
from inrr_jax.settings import RegularizerSettings


class Laplacian(NamedTuple):
    """init(key) -> params, adjacency(params) -> A [n, n] >= 0, and factor(params) -> G [n, R] >= 0 where A has one.

    A = (R / n) G G^T then. The params are empty where nothing is learned.
    """

    init: Callable[[Key[Array, ""]], Any]
    adjacency: Callable[[Any], Float[Array, "n n"]]
    factor: Callable[[Any], Float[Array, "n R"]] | None = None


def inrr(settings: RegularizerSettings, nodes: int) -> Laplacian:
    """Build INRR's learned graph on the nodes of one axis (Li et al., CVPR 2023, section 3.2).

    A SIREN g of a few thousand parameters maps a node's position in linspace(-1, 1, n) to R numbers, and a softmax to
    its row of G: nearby nodes get similar rows, so that A is smooth by construction.
    """
    rank = min(settings.rank, nodes)
    network = Siren(rank, settings.width, settings.depth, sine=numerics.fast_sine)
    positions = jnp.linspace(-1.0, 1.0, nodes)[:, None]

    def init(key):
        return network.lazy_init(key, jax.ShapeDtypeStruct(positions.shape, jnp.float32), 1.0)["params"]

    def factor(params):
        return jax.nn.softmax(network.apply({"params": params}, positions, settings.omega), axis=-1)

    return Laplacian(init, lambda params: adjacency(factor(params)), factor)


def air(settings: RegularizerSettings, nodes: int) -> Laplacian:
    """Build AIR's learned graph: A = (S + S^T) / 2, S = softmin of a free W [n, n] over its rows.

    S_ij = exp(-W_ij) / sum_k exp(-W_ik), so the degrees are 1 on average. W starts at 0, with all nodes alike. Adaptive
    and implicit regularisation (Li et al., SIAM J. Imaging Sci. 2022, arXiv 2208.05640).
    """

    def learned(params):
        similar = jax.nn.softmax(-params["similarity"], axis=-1)
        return (similar + similar.T) / 2

    return Laplacian(lambda key: {"similarity": jnp.zeros((nodes, nodes))}, learned)


def path(settings: RegularizerSettings, nodes: int) -> Laplacian:
    """Build the fixed path graph: A_ij = 1 for |i - j| = 1.

    The Dirichlet energy is then the sum of squared differences of neighbours, Tikhonov's of order 1, whose minimiser
    is harmonic where nothing is observed.
    """
    fixed = jnp.eye(nodes, k=1) + jnp.eye(nodes, k=-1)
    return Laplacian(lambda key: {}, lambda params: fixed)


LAPLACIANS = {"inrr": inrr, "air": air, "grid": path}


def adjacency(factor: Float[Array, "n R"]) -> Float[Array, "n n"]:
    """Return A = (R / n) G G^T: symmetric, A >= 0.

    The paper has A = G G^T with R = n. The scale changes nothing there and keeps the degrees near 1 at other sizes.
    """
    nodes, rank = factor.shape
    return (rank / nodes) * factor @ factor.T


def laplacian(adjacency: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return L = D - A with D = diag(A 1): positive semi-definite, rows summing to 0.

    Self-loops (the diagonal of A) cancel in L, so they need no masking.
    """
    return jnp.diag(adjacency.sum(axis=1)) - adjacency
