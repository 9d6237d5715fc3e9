"""Soft thresholding of singular values: the proximal operator of the nuclear norm."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Inexact


def shrink_singular_values(
    matrices: Inexact[np.ndarray, "*batch rows columns"], threshold: float
) -> Inexact[np.ndarray, "*batch rows columns"]:
    """Subtract a threshold from all singular values and stop at zero: ``U max(S - threshold, 0) V^H``.

    The eigenvectors of the Gram matrix of the shorter side replace the decomposition, which would take several times as
    long. Singular values below about 1e-3 of the largest are inexact in float32.
    """
    rows, columns = matrices.shape[-2:]
    if rows > columns:
        return _adjoint(shrink_singular_values(_adjoint(matrices), threshold))
    # JAX decomposes the matrices of a batch in parallel. NumPy's products of complex matrices are faster than XLA's.
    squared, vectors = map(np.asarray, jnp.linalg.eigh(matrices @ _adjoint(matrices)))
    kept = np.maximum(1 - np.float32(threshold) / np.sqrt(np.maximum(squared, 1e-30)), 0)[..., None, :]
    return ((vectors * kept) @ _adjoint(vectors)) @ matrices


def _adjoint(matrices: Inexact[np.ndarray, "*batch rows columns"]) -> Inexact[np.ndarray, "*batch columns rows"]:
    return matrices.swapaxes(-1, -2).conj()
