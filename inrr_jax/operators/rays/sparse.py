"""Sparse matrices as padded rows, for products that XLA computes by gathering, and with an exact adjoint.

XLA's automatic adjoint of a gather is a scatter, which takes ten times as long on a CPU. A matrix is therefore stored
twice, by rows and by columns, and the gradient of a product is the product with the transpose.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


class Rows(NamedTuple):
    """A matrix with R rows of at most K entries: y_r = sum_k weight_rk x[place_rk]; padding has the weight 0."""

    place: Int[Array, "R K"]
    weight: Float[Array, "R K"]

    def times(self, x: Float[Array, "N C"]) -> Float[Array, "R C"]:
        """Return the product with every column of x."""

        def column(one):
            taken = one.at[self.place].get(mode="promise_in_bounds")
            return (self.weight * taken).sum(axis=1)

        # Column by column: XLA fuses gather, product and sum of one column into a loop without temporary arrays.
        return jnp.stack([column(x[:, c]) for c in range(x.shape[1])], axis=1)


class Matrix(NamedTuple):
    """A sparse matrix by its rows and by its columns."""

    rows: Rows
    columns: Rows


def matrix(
    row: Int[np.ndarray, "E"], column: Int[np.ndarray, "E"], weight: Float[np.ndarray, "E"], shape: tuple[int, int]
) -> Matrix:
    """Return the matrix of a shape (R, N) with these entries; entries at the same place are added."""
    from scipy.sparse import coo_array

    entries = coo_array((weight.astype(np.float32), (row, column)), shape=shape)
    return Matrix(_padded(entries.tocsr()), _padded(entries.T.tocsr()))


def _padded(csr) -> Rows:
    """Return the rows of a compressed matrix, padded to the length of the longest."""
    csr.eliminate_zeros()
    counts = np.diff(csr.indptr)
    row = np.repeat(np.arange(len(counts)), counts)
    column = np.arange(csr.nnz) - np.repeat(csr.indptr[:-1], counts)
    place = np.zeros((len(counts), max(1, counts.max(initial=0))), np.int32)
    weight = np.zeros(place.shape, np.float32)
    place[row, column], weight[row, column] = csr.indices, csr.data
    # On the device once, because it is larger than everything else that a step needs.
    return Rows(jnp.asarray(place), jnp.asarray(weight))


@jax.custom_vjp
def product(matrix: Matrix, x: Float[Array, "N C"]) -> Float[Array, "R C"]:
    """Return the product of a matrix with every column of x. Reverse mode applies the transpose."""
    return matrix.rows.times(x)


def _forward(matrix, x):
    return product(matrix, x), matrix


def _backward(matrix, cotangent):
    # Weights and indices are constants of the operator.
    return None, matrix.columns.times(cotangent)


product.defvjp(_forward, _backward)
