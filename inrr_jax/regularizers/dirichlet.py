"""The Dirichlet energy tr(Xᵀ L X) = 1/2 sum_ij A_ij |x_i - x_j|², in mean form, from any set of fibers.

For an m x n signal the energy of the rows is a sum over its columns, that is over the fibers along axis 0. Divided by
the number of entries it is a mean over fibers and nodes. The mean has the same meaning at every size, and a random set
of fibers estimates it without bias.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.regularizers.laplacian import laplacian


def from_factor(fibers: Float[Array, "F n C"], factor: Float[Array, "n R"]) -> Float[Array, ""]:
    """Return the mean-form energy of A = (R / n) G Gᵀ without an n x n matrix, in O(n R F C) operations.

    E = 1/(F n C) [sum_i d_i |x_i|² - (R / n) |Gᵀ X|²],  d = (R / n) G (Gᵀ 1).

    Args:
        fibers: values at the n nodes of one axis, for F fibers and C channels.
        factor: G >= 0.
    """
    nodes, rank = factor.shape
    columns = _centred_columns(fibers)
    degree = factor @ factor.sum(axis=0)
    projected = factor.T @ columns
    energy = jnp.sum(degree[:, None] * columns**2) - jnp.sum(projected**2)
    return (rank / nodes) * energy / fibers.size


def from_adjacency(fibers: Float[Array, "F n C"], adjacency: Float[Array, "n n"]) -> Float[Array, ""]:
    """Return the mean-form energy tr(Xᵀ L X) / (F n C) of a graph, in O(n² F C) operations.

    Args:
        fibers: values at the n nodes of one axis, for F fibers and C channels.
        adjacency: A >= 0, symmetric.
    """
    columns = _centred_columns(fibers)
    return jnp.sum(columns * (laplacian(adjacency) @ columns)) / fibers.size


def _centred_columns(fibers: Float[Array, "F n C"]) -> Float[Array, "n FC"]:
    """Arrange one fiber and channel per column, and subtract each column's mean.

    The energy does not depend on the mean. In float32 the difference of two large sums would otherwise drown a low
    contrast, and could even come out negative.
    """
    columns = jnp.moveaxis(fibers, 1, 0).reshape(fibers.shape[1], -1)
    return columns - columns.mean(axis=0, keepdims=True)
