"""The Dirichlet energy tr(X^T L X) = 1/2 sum_ij A_ij |x_i - x_j|^2, in mean form, from any set of fibres.

For an m x n signal the energy of the rows is a sum over its columns: over the fibres along axis 0. Divided by the
number of entries it is a mean over fibres and nodes, which has one meaning at every size, and which a random set of
fibres estimates without bias.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.regularizers.laplacian import adjacency, laplacian


def matrix_free(fibers: Float[Array, "F n C"], factor: Float[Array, "n R"]) -> Float[Array, ""]:
    """Mean-form energy without an n x n matrix: O(n R F C) operations.

    E = 1/(F n C) [sum_i d_i |x_i|^2 - (R / n) |G^T X|^2],  d = (R / n) G (G^T 1).

    The energy does not see a fibre's mean, so it is taken off first: in float32 the difference of two large sums
    would otherwise drown a low contrast, and could even come out negative.

    Args:
        fibers: values in [0, 1] at the n nodes of one axis, for F fibres and C channels.
        factor: G >= 0 of the adjacency A = (R / n) G G^T.
    """
    nodes, rank = factor.shape
    columns = _centred_columns(fibers)
    degree = factor @ factor.sum(axis=0)
    projected = factor.T @ columns
    energy = jnp.sum(degree[:, None] * columns**2) - jnp.sum(projected**2)
    return (rank / nodes) * energy / fibers.size


def dense(fibers: Float[Array, "F n C"], factor: Float[Array, "n R"]) -> Float[Array, ""]:
    """Mean-form energy by way of the n x n matrix: the plain form of `matrix_free`."""
    return from_adjacency(fibers, adjacency(factor))


def from_adjacency(fibers: Float[Array, "F n C"], similar: Float[Array, "n n"]) -> Float[Array, ""]:
    """Mean-form energy tr(X^T L X) / (F n C) of the adjacency A = `similar`: O(n^2 F C) operations."""
    columns = _centred_columns(fibers)
    return jnp.sum(columns * (laplacian(similar) @ columns)) / fibers.size


ENERGIES = {"matrix_free": matrix_free, "dense": dense}


def _centred_columns(fibers: Float[Array, "F n C"]) -> Float[Array, "n FC"]:
    """Put one fibre and channel per column, each with mean 0."""
    columns = jnp.moveaxis(fibers, 1, 0).reshape(fibers.shape[1], -1)
    return columns - columns.mean(axis=0, keepdims=True)
