"""Completions of matrices whose rows have no order, such as tables: no method here knows of neighbours.

They fulfil the contract of `tensors/contract.py`, for values [rows, columns, 1]. Rows are samples, columns features.
A column without an observed entry takes the mean of all observed entries.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.soft_impute import complete_matrix
from inrr_jax.baselines.tensors import Entry
from inrr_jax.baselines.tensors.contract import channels_as_axis, completing
from inrr_jax.errors import UserError

NEIGHBOURS = 5  # rows; scikit-learn's default
PREDICTORS = 20  # columns from which each column is predicted; all of them would take too long for wide matrices
ROUNDS = 10  # over all columns; scikit-learn's default

Matrix = Float[np.ndarray, "rows columns"]
Known = Bool[np.ndarray, "rows columns"]


@completing
@channels_as_axis
def column_mean(values: Matrix, mask: Known) -> Matrix:
    """Take the mean of the observed entries of the same column."""
    count = mask.sum(0)
    means = np.divide(
        np.where(mask, values, 0).sum(0), count, out=np.full(len(count), values[mask].mean()), where=count > 0
    )
    return np.broadcast_to(means.astype(np.float32), values.shape)


@completing
@channels_as_axis
def soft_impute(values: Matrix, mask: Known) -> Matrix:
    """Complete with a matrix of low nuclear norm (`baselines/soft_impute.py`)."""
    return complete_matrix(np.where(mask, values, 0).astype(np.float64), mask)


@completing
@channels_as_axis
def nearest_rows(values: Matrix, mask: Known) -> Matrix:
    """Take the mean of the 5 rows that are nearest in the entries that both have: scikit-learn's `KNNImputer`.

    Raises:
        UserError: scikit-learn is not installed.
    """
    _require_scikit_learn("nearest_rows")
    from sklearn.impute import KNNImputer

    return _impute(KNNImputer(n_neighbors=NEIGHBOURS).fit_transform, values, mask)


@completing
@channels_as_axis
def chained_regressions(values: Matrix, mask: Known) -> Matrix:
    """Predict each column from 20 others by Bayesian ridge regression, in 10 rounds: `IterativeImputer`.

    With scikit-learn, after multiple imputation by chained equations (van Buuren and Groothuis-Oudshoorn, J. Stat.
    Software 2011).

    Raises:
        UserError: scikit-learn is not installed.
    """
    _require_scikit_learn("chained_regressions")
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    imputer = IterativeImputer(max_iter=ROUNDS, n_nearest_features=PREDICTORS, random_state=0)
    return _impute(imputer.fit_transform, values, mask)


def _impute(transform: Callable[[Matrix], Matrix], values: Matrix, mask: Known) -> Matrix:
    """Apply one of scikit-learn's imputers to the columns with entries; it expects NaN where these are missing."""
    some = mask.any(0)
    filled = np.full(values.shape, values[mask].mean())
    filled[:, some] = transform(np.where(mask, values, np.nan)[:, some])
    return filled


def _require_scikit_learn(name: str) -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise UserError(f"{name} needs scikit-learn, which is not installed: run `pip install scikit-learn`") from None


MATRICES: dict[str, Entry] = {
    "column_mean": Entry(column_mean, axes=2, largest=100_000_000),
    "soft_impute": Entry(soft_impute, axes=2, largest=5_000_000),
    "nearest_rows": Entry(nearest_rows, axes=2, largest=2_000_000),
    "chained_regressions": Entry(chained_regressions, axes=2, largest=2_000_000),
}
"""All completions of matrices by the names that comparisons and results use."""
