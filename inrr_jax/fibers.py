"""Fibres: the lines of a grid along an axis, and which of them a step evaluates.

Every energy here is a mean over fibres and the fidelity is a mean over points, so a random set of whole fibres along
every axis estimates both without bias; all of them, evaluated once, are the full batch.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax import grids
from inrr_jax.grids import Index
from inrr_jax.types import Lines, Signal

Evaluate = Callable[[Float[Array, "N D"]], Float[Array, "N C"]]


class Batch(NamedTuple):
    """What a step evaluates."""

    along: Lines
    """Predicted fibres of every axis."""
    beside: Lines
    """Those beside the first axis's, where asked for."""
    fidelity: Float[Array, ""]
    """1/(H W C) sum over observed entries of (X_hat - X)^2, estimated from the fibres of every axis."""
    departure: Float[Array, ""] | None
    """1/(H W C) sum over missing entries of (X_hat - Z)^2, likewise; None for a signal without extension Z."""


def stratified(key: Key[Array, ""], population: int, count: int) -> Int[Array, "count"]:
    """Draw one index uniformly from each of `count` equal stripes of [0, population).

    Every index is drawn count / population times on average, whether or not the stripes have whole lengths.
    """
    stripe = population / count
    offsets = jax.random.uniform(key, (count,))
    drawn = jnp.floor((jnp.arange(count) + offsets) * stripe).astype(jnp.int32)
    return jnp.minimum(drawn, population - 1)  # float32 may round the last one up


def along(axis: int, lines: Int[Array, "F"], grid: tuple[int, ...]) -> Index:
    """Index the entries [F, n] of the fibres along an axis; `lines` counts the positions on the other axes."""
    others = [size for a, size in enumerate(grid) if a != axis]
    fixed = [index[:, None] for index in jnp.unravel_index(lines, others)]
    fixed.insert(axis, jnp.arange(grid[axis])[None, :])
    shape = (lines.shape[0], grid[axis])
    return tuple(jnp.broadcast_to(index, shape) for index in fixed)


def draw(key: Key[Array, ""], grid: tuple[int, ...], count: int) -> tuple[Index, ...]:
    """Draw `count` stratified fibres along every axis; never more than there are."""
    keys = jax.random.split(key, len(grid))
    lines = [math.prod(grid) // size for size in grid]
    return tuple(
        along(axis, stratified(keys[axis], lines[axis], min(count, lines[axis])), grid) for axis in range(len(grid))
    )


def next_to(index: Index, grid: tuple[int, ...]) -> tuple[Index, ...]:
    """Index the fibres one further along each axis but the first; beyond the border, the same ones."""
    return tuple(
        tuple(jnp.minimum(i + (a == axis), n - 1) for a, (i, n) in enumerate(zip(index, grid, strict=True)))
        for axis in range(1, len(grid))
    )


def squared_error(
    predicted: Float[Array, "*n C"], values: Float[Array, "*n C"], mask: Bool[Array, "*n"]
) -> Float[Array, ""]:
    """Sum of (predicted - values)^2 over the entries of the mask and their channels."""
    return jnp.sum(jnp.where(mask[..., None], predicted - values, 0.0) ** 2)


def sample(
    evaluate: Evaluate,
    signal: Signal,
    axes: tuple[Float[Array, "_"], ...],
    key: Key[Array, ""],
    count: int,
    *,
    beside: bool = False,
) -> Batch:
    """Evaluate `count` random fibres along every axis in one batch; with `beside`, also those next to the first's."""
    grid, channels = signal.mask.shape, signal.values.shape[-1]
    drawn = draw(key, grid, count)
    indices = (*drawn, *(next_to(drawn[0], grid) if beside else ()))
    predicted = evaluate(jnp.concatenate([grids.positions(axes, index) for index in indices]))
    cuts = [sum(i[0].size for i in indices[: a + 1]) for a in range(len(indices) - 1)]
    parts = jnp.split(predicted, cuts)
    lines = tuple(part.reshape(*index[0].shape, channels) for part, index in zip(parts, indices, strict=True))
    fibers = lines[: len(grid)]
    size = sum(f.size for f in fibers)

    def mean_error(values, where):
        errors = [squared_error(f, values[i], where[i]) for f, i in zip(fibers, drawn, strict=True)]
        return jnp.stack(errors).sum() / size

    return Batch(fibers, lines[len(grid) :], *_errors(mean_error, signal))


def everything(
    evaluate: Evaluate, signal: Signal, axes: tuple[Float[Array, "_"], ...], *, beside: bool = False
) -> Batch:
    """Evaluate every point once: the fibres of all axes, and those beside, are views of one grid."""
    grid = signal.mask.shape
    predicted = evaluate(grids.all_points(axes)).reshape(signal.values.shape)
    fibers = []
    for axis, nodes in enumerate(grid):
        fibers.append(jnp.moveaxis(predicted, axis, -2).reshape(-1, nodes, predicted.shape[-1]))
    others = _beside_all(predicted) if beside else ()

    def mean_error(values, where):
        return squared_error(predicted, values, where) / predicted.size

    return Batch(tuple(fibers), others, *_errors(mean_error, signal))


def _errors(mean_error: Callable, signal: Signal) -> tuple[Float[Array, ""], Float[Array, ""] | None]:
    """Return the fidelity, and the departure from the extension where there is one."""
    extension = signal.extension
    return mean_error(signal.values, signal.mask), None if extension is None else mean_error(extension, ~signal.mask)


def _beside_all(predicted: Float[Array, "*grid C"]) -> Lines:
    grid = predicted.shape[:-1]
    first = along(0, jnp.arange(math.prod(grid[1:])), grid)
    return tuple(predicted[index] for index in next_to(first, grid))
