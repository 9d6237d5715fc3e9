"""Features of the rows of a matrix whose rows have no order: they determine which samples, users or genes are alike."""

import numpy as np
from jaxtyping import Float


def row_features(matrix: Float[np.ndarray, "rows columns"], count: int) -> Float[np.ndarray, "rows K"]:
    """Return the leading left singular vectors of a matrix, each scaled to [-1, 1].

    The mean of each column is subtracted. With fewer than K columns or rows, the last features are zero.

    Args:
        matrix: without missing entries.
        count: K.
    """
    left, _, _ = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)
    kept = left[:, :count] / np.abs(left[:, :count]).max(axis=0)
    return np.pad(kept, ((0, 0), (0, count - kept.shape[1]))).astype(np.float32)
