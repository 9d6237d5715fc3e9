"""Features of the rows of a matrix whose rows have no order: what tells which samples, users or genes are alike."""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.soft_impute import complete_matrix


def row_features(
    values: Float[np.ndarray, "rows columns"], mask: Bool[np.ndarray, "rows columns"], count: int
) -> Float[np.ndarray, "rows K"]:
    """Return the leading left singular vectors of the matrix, each scaled to [-1, 1].

    The matrix is completed by soft-impute, and the mean of each column is subtracted. With fewer than K columns or
    rows, the last features are zero.

    Args:
        values: the matrix; missing entries are not used.
        mask: True where observed.
        count: K.
    """
    completed = complete_matrix(np.where(mask, values, 0).astype(np.float64), mask)
    filled = np.where(mask, values, completed)
    left, _, _ = np.linalg.svd(filled - filled.mean(axis=0), full_matrices=False)
    kept = left[:, :count] / np.abs(left[:, :count]).max(axis=0)
    return np.pad(kept, ((0, 0), (0, count - kept.shape[1]))).astype(np.float32)
