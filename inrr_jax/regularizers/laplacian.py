"""The graph Laplacian L = D - A of an axis, from the tiny network that learns its adjacency (INRR, section 3.2)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import numerics
from inrr_jax.fields.siren import Siren
from inrr_jax.settings import RegularizerSettings


class Laplacian(NamedTuple):
    """init(key) -> params, and factor(params) -> G [n, R] >= 0, whose adjacency is A = (R / n) G G^T."""

    init: Callable[[Key[Array, ""]], Any]
    factor: Callable[[Any], Float[Array, "n R"]]


def inrr(settings: RegularizerSettings, nodes: int) -> Laplacian:
    """Build INRR's learned graph on the nodes of one axis.

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

    return Laplacian(init, factor)


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
