"""Fibers of a grid, and which of them a training step evaluates.

A mode-n fiber (Kolda and Bader, SIAM Review 2009) is the line of entries along axis n at fixed indices on all other
axes: in a matrix the fibers along axis 0 are its columns and those along axis 1 its rows. Every energy in this package
is a mean over fibers, and the misfit of masked signals is a mean over entries. A random set of whole fibers along every
axis therefore estimates both without bias. All fibers, evaluated once, give the exact loss.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax import grids
from inrr_jax.grids import Index
from inrr_jax.types import Lines


class Nodes(NamedTuple):
    """Points of one term of a regulariser, and the signal there."""

    points: Float[Array, "N D"]
    values: Float[Array, "N C"]


class Sample(NamedTuple):
    """Predicted values of one step: those on its fibers, and what else regularisers need."""

    along: Lines = ()
    """For each axis, values [F, n, C] on fibers along it; empty if nothing needs fibers."""
    adjacent: Lines = ()
    """For each axis but the first, values on the fibers one step further along that axis than the fibers `along[0]`.
    Empty unless requested."""
    drawn: tuple[Index, ...] = ()
    """For each axis, the entries of its fibers; empty if all fibers were evaluated."""
    whole: Float[Array, "*grid C"] | None = None
    """All values, if all fibers were evaluated."""
    factors: Lines = ()
    """For each axis, the factor [1, n, R] of a factorised field; empty for other fields."""
    nodes: Mapping[str, Nodes] = {}
    """By the name of the term that requested them."""

    def first_channels(self, count: int) -> "Sample":
        """Return the values of the first channels alone; factors of a field have none and are left out."""

        def cut(values):
            return values[..., :count]

        nodes = {name: Nodes(points, cut(values)) for name, (points, values) in self.nodes.items()}
        along, adjacent, whole = jax.tree.map(cut, (self.along, self.adjacent, self.whole))
        return Sample(along, adjacent, self.drawn, whole, (), nodes)

    def minus(self, known: Float[Array, "*grid C"], spacing: tuple[float, ...] | None = None) -> "Sample":
        """Return the sample of the signal minus known values on the grid, which are multilinear between the nodes.

        Factors of a field have no such difference and are left out.

        Args:
            known: on the nodes of the grid.
            spacing: the distance of neighbouring nodes along each axis, in any unit; None: equal on all axes.
        """
        grid = known.shape[:-1]
        nodes = {
            name: Nodes(points, values - grids.interpolate(known, grids.places(points, grid, spacing)))
            for name, (points, values) in self.nodes.items()
        }
        if not self.along:
            return Sample(nodes=nodes)
        other = _on_whole(known, bool(self.adjacent))
        if self.drawn:
            neighbours = next_to(self.drawn[0], grid) if self.adjacent else ()
            other = Sample(tuple(known[i] for i in self.drawn), tuple(known[i] for i in neighbours))
        pairs = ((s.along, s.adjacent, s.whole) for s in (self, other))
        along, adjacent, whole = jax.tree.map(jnp.subtract, *pairs)
        return Sample(along, adjacent, self.drawn, whole, (), nodes)

    def mean_squared_error(self, values: Float[Array, "*grid C"], where: Bool[Array, "*grid"]) -> Float[Array, ""]:
        """Return 1/(number of ALL entries) sum over the entries in `where` of (prediction - values)².

        It is exact if all fibers were evaluated, and an unbiased estimate from the fibers of every axis otherwise.
        """
        if self.whole is not None:
            return squared_error(self.whole, values, where) / self.whole.size
        pairs = zip(self.along, self.drawn, strict=True)
        errors = [squared_error(predicted, values[i], where[i]) for predicted, i in pairs]
        return jnp.stack(errors).sum() / sum(predicted.size for predicted in self.along)


class Plan(NamedTuple):
    """The points at which a step needs the signal, and how their values are arranged."""

    points: Float[Array, "N D"]
    collect: Callable[[Float[Array, "N C"]], Sample]
    """Arranges the values at these points."""


def plan(
    key: Key[Array, ""],
    grid: tuple[int, ...],
    count: int,
    *,
    adjacent: bool = False,
    spacing: tuple[float, ...] | None = None,
) -> Plan:
    """Plan the evaluation of `count` random fibers along every axis, or of the whole grid once if `count` is 0.

    Args:
        key: determines which fibers are drawn.
        grid: the number of nodes along each axis.
        count: the number of fibers along every axis; 0 for all.
        adjacent: whether the fibers adjacent to those along the first axis are evaluated too.
        spacing: the distance of neighbouring nodes along each axis; None: equal on all axes.
    """
    axes = tuple(jnp.asarray(axis) for axis in grids.axes(grid, spacing))
    return _plan_drawn(key, axes, grid, count, adjacent) if count else _plan_whole(axes, grid, adjacent)


def _plan_drawn(key, axes, grid, count, adjacent) -> Plan:
    drawn = draw(key, grid, count)
    indices = (*drawn, *(next_to(drawn[0], grid) if adjacent else ()))
    # One batch for all fibers: one evaluation of the network costs less than several small ones.
    cuts = [sum(i[0].size for i in indices[: a + 1]) for a in range(len(indices) - 1)]

    def collect(values):
        parts = jnp.split(values, cuts)
        lines = tuple(part.reshape(*i[0].shape, part.shape[-1]) for part, i in zip(parts, indices, strict=True))
        return Sample(lines[: len(grid)], lines[len(grid) :], drawn, None)

    return Plan(jnp.concatenate([grids.positions(axes, index) for index in indices]), collect)


def _plan_whole(axes, grid, adjacent) -> Plan:
    def collect(values):
        return _on_whole(values.reshape(*grid, values.shape[-1]), adjacent)

    return Plan(grids.all_points(axes), collect)


def _on_whole(whole: Float[Array, "*grid C"], adjacent: bool) -> Sample:
    """Return the sample of all fibers, which are views of one array: every point is evaluated once."""
    lines = [jnp.moveaxis(whole, axis, -2).reshape(-1, n, whole.shape[-1]) for axis, n in enumerate(whole.shape[:-1])]
    return Sample(tuple(lines), _all_adjacent(whole) if adjacent else (), (), whole)


def _all_adjacent(whole: Float[Array, "*grid C"]) -> Lines:
    grid = whole.shape[:-1]
    first = along(0, jnp.arange(math.prod(grid[1:])), grid)
    return tuple(whole[index] for index in next_to(first, grid))


def stratified(key: Key[Array, ""], population: int, count: int) -> Int[Array, "count"]:
    """Draw one index uniformly from each of `count` stripes of equal length that partition [0, population).

    Every index is drawn count / population times on average, also if the stripes' length is not an integer.
    """
    stripe = population / count
    offsets = jax.random.uniform(key, (count,))
    drawn = jnp.floor((jnp.arange(count) + offsets) * stripe).astype(jnp.int32)
    return jnp.minimum(drawn, population - 1)  # float32 may round the last one up


def along(axis: int, lines: Int[Array, "F"], grid: tuple[int, ...]) -> Index:
    """Return the entries [F, n] of fibers along an axis; `lines` are row-major indices on the other axes."""
    others = [size for a, size in enumerate(grid) if a != axis]
    fixed = [index[:, None] for index in jnp.unravel_index(lines, others)]
    fixed.insert(axis, jnp.arange(grid[axis])[None, :])
    shape = (lines.shape[0], grid[axis])
    return tuple(jnp.broadcast_to(index, shape) for index in fixed)


def draw(key: Key[Array, ""], grid: tuple[int, ...], count: int) -> tuple[Index, ...]:
    """Draw `count` stratified random fibers along every axis, or all fibers of an axis that has fewer."""
    keys = jax.random.split(key, len(grid))
    lines = [math.prod(grid) // size for size in grid]
    return tuple(
        along(axis, stratified(keys[axis], lines[axis], min(count, lines[axis])), grid) for axis in range(len(grid))
    )


def next_to(index: Index, grid: tuple[int, ...]) -> tuple[Index, ...]:
    """Return, for each axis but the first, the entries one step further along it; at the border, the same entries."""
    return tuple(
        tuple(jnp.minimum(i + (a == axis), n - 1) for a, (i, n) in enumerate(zip(index, grid, strict=True)))
        for axis in range(1, len(grid))
    )


def squared_error(
    predicted: Float[Array, "*n C"], values: Float[Array, "*n C"], mask: Bool[Array, "*n"]
) -> Float[Array, ""]:
    """Return the sum of (predicted - values)² over the entries of the mask and their channels."""
    return jnp.sum(jnp.where(mask[..., None], predicted - values, 0.0) ** 2)
