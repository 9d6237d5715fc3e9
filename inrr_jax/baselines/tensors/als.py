"""Alternating least squares for a matrix of low rank whose rows and columns resemble their neighbours on the grid."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.holdout import hold_out_fifth
from inrr_jax.baselines.tensors.contract import channels_as_axis, completing
from inrr_jax.baselines.tensors.lines import along_axes

# Further ones gain at most 0.2 dB, and lose several where they fit the few entries of a row.
ITERATIONS = 10
RANKS = (10, 5, 20)
PULLS = (30.0, 3.0, 300.0)
SMALLEST = 1e-8  # mean squared residual, which keeps the systems of an exact fit regular
COLUMN_PULL = 1e-3  # share of the neighbours in a row of B; rows of B have many entries, except where all are missing


class Choice(NamedTuple):
    """What the hold-out decides."""

    axis: int
    """The axis of the columns; all others are rows."""
    rank: int
    pull: float
    """Weight of the neighbours, in units of the mean squared residual."""


@completing
@channels_as_axis
def als(values: Float[np.ndarray, "*axes"], mask: Bool[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    """Complete a tensor as a matrix of low rank with a pull towards neighbours; see `factorise`.

    The axis that forms the columns, the rank (5, 10, 20) and the pull (3, 30, 300) are those with the smallest error on
    held-out entries (`baselines/holdout.py`): first the axis, then rank and pull together.
    """
    choice = _choose(values, mask) if mask.sum() > 1 else Choice(values.ndim - 1, RANKS[0], PULLS[0])
    return factorise(values, mask, _start(values, mask), choice)


def _choose(values: Float[np.ndarray, "*axes"], mask: Bool[np.ndarray, "*axes"]) -> Choice:
    training, held = hold_out_fifth(mask)
    start = _start(values, training)

    def error(choice: Choice) -> float:
        return float(np.mean(np.square(factorise(values, training, start, choice) - values)[held]))

    axes = [Choice(axis, RANKS[0], PULLS[0]) for axis in range(values.ndim)]
    choice = min(axes, key=error)
    return min([choice._replace(rank=r, pull=p) for r in RANKS for p in PULLS], key=error)


def _start(values: Float[np.ndarray, "*axes"], mask: Bool[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    return np.where(mask, values, along_axes(np.where(mask, values, 0)[..., None], mask, None)[..., 0])


def factorise(
    values: Float[np.ndarray, "*axes"],
    mask: Bool[np.ndarray, "*axes"],
    start: Float[np.ndarray, "*axes"],
    choice: Choice,
) -> Float[np.ndarray, "*axes"]:
    """Fit ``X = A B^T`` to the observed entries by alternating least squares, A [N, R], B [n, R].

    The columns of X are one axis of the tensor, its rows are the nodes of all others. With the observed entries O_i of
    row i and the mean a'_i of the rows of A at its neighbours on the grid, all rows are solved for at once:

        a_i <- argmin  sum over j in O_i of (x_ij - a_i . b_j)² + lambda |a_i - a'_i|²

    and likewise those of B, whose neighbours are the two next to it. The columns of A are kept orthogonal with a mean
    square of one, so that a component's changes are penalised relative to its size. ``lambda = pull * mean squared
    residual``; for B it is 1e-3 of the mean number of observed entries of its rows.

    Args:
        values: X; missing entries are not used.
        mask: True where observed.
        start: an estimate of all entries, whose singular vectors are the first factors.
        choice: the axis of the columns, the rank and the pull.
    """
    others = [n for a, n in enumerate(values.shape) if a != choice.axis]
    matrix = np.moveaxis(np.where(mask, values, 0), choice.axis, -1).reshape(-1, values.shape[choice.axis])
    observed = np.moveaxis(mask, choice.axis, -1).reshape(matrix.shape).astype(np.float32)
    guess = np.moveaxis(start, choice.axis, -1).reshape(matrix.shape)
    vectors = np.linalg.eigh(guess.T @ guess)[1][:, -min(choice.rank, *matrix.shape) :]
    left, right = _whitened(guess @ vectors, vectors)
    for _ in range(ITERATIONS):
        residual = np.where(observed, matrix - left @ right.T, 0)
        variance = max(float(np.square(residual).sum() / observed.sum()), SMALLEST)
        left = _solve(matrix, observed, right, _neighbour_mean(left, others), choice.pull * variance)
        left, right = _whitened(left, right)
        pull = COLUMN_PULL * float(observed.mean()) * len(left)
        right = _solve(matrix.T, observed.T, left, _neighbour_mean(right, right.shape[:1]), pull)
    recovered = (left @ right.T).reshape(*others, -1)
    return np.moveaxis(recovered, -1, choice.axis)


def _whitened(
    left: Float[np.ndarray, "N R"], right: Float[np.ndarray, "n R"]
) -> tuple[Float[np.ndarray, "N R"], Float[np.ndarray, "n R"]]:
    """Return factors with the same product, of which the columns of the left one are orthogonal, of mean square one."""
    basis, upper = np.linalg.qr(left)
    scale = np.float32(np.sqrt(len(left)))
    return basis * scale, right @ (upper.T / scale)


def _solve(
    matrix: Float[np.ndarray, "N n"],
    observed: Float[np.ndarray, "N n"],
    factor: Float[np.ndarray, "n R"],
    wanted: Float[np.ndarray, "N R"],
    pull: float,
) -> Float[np.ndarray, "N R"]:
    """Return the rows a_i that fit the observed entries of a matrix, zero elsewhere, and are near the wanted ones."""
    rank = factor.shape[1]
    products = (factor[:, :, None] * factor[:, None, :]).reshape(len(factor), -1)
    normal = (observed @ products).reshape(-1, rank, rank) + np.float32(pull) * np.eye(rank, dtype=np.float32)
    return np.linalg.solve(normal, (matrix @ factor + np.float32(pull) * wanted)[..., None])[..., 0]


def _neighbour_mean(rows: Float[np.ndarray, "N R"], shape: Sequence[int]) -> Float[np.ndarray, "N R"]:
    """Return the mean over the neighbours of each node of a grid: two along each axis, fewer at its border."""
    grid = rows.reshape(*shape, -1)
    total, count = np.zeros_like(grid), np.zeros((*shape, 1), np.float32)
    for axis in range(len(shape)):
        lower = (slice(None),) * axis + (slice(None, -1),)
        upper = (slice(None),) * axis + (slice(1, None),)
        for to, source in ((lower, upper), (upper, lower)):
            total[to] += grid[source]
            count[to] += 1
    return (total / np.maximum(count, 1)).reshape(rows.shape)
