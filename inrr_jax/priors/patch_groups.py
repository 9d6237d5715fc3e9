"""Groups of similar patches: the search for them, and patches taken from and returned to their places.

A picture is covered by overlapping patches whose first pixels lie on a coarse grid, the last row and column of patches
included. Each of these patches is the reference of a group: its K members are the most similar patches of a window
around it, itself among them. A patch is named by the row-major index of its first pixel.

Everything is compiled. The search works in blocks of 16 x 16 references, and only in those where groups are wanted. In
a block, it visits one shift of the picture after another: for patches of 7 x 7 pixels at a spacing of 5 and a window of
41 x 41, these are 1,681 shifts of about 70,000 operations, and the selection of 60 of 1,681 distances for each of 256
groups, whose distances take 1.6 MiB.
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import GatherScatterMode
from jaxtyping import Array, Bool, Float, Int

BLOCK = 16
"""References along the side of a block. Blocks of 8 take half as long again where all groups are wanted, and a quarter
less where few are."""


class Geometry(NamedTuple):
    """The size of groups and where they lie. Pictures that are too small for it get smaller patches and groups."""

    side: int
    """Pixels along the side of a patch."""
    spacing: int
    """Pixels between the reference patches of neighbouring groups; at most `side`, so that every pixel is covered."""
    radius: int
    """Members are searched in a window of 2 radius + 1 pixels along either axis."""
    members: int
    """K: patches in a group, including its reference."""

    def sides(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the height and width of a patch in a picture of the given shape."""
        return min(self.side, shape[0]), min(self.side, shape[1])

    def size(self, shape: tuple[int, ...]) -> int:
        """Return how many members a group has in a picture of the given shape: as many as the window of a corner."""
        reach = (min(self.radius, n - side) for n, side in zip(shape[:2], self.sides(shape), strict=True))
        return min(self.members, math.prod(n + 1 for n in reach))


class Groups(NamedTuple):
    """Groups of similar patches: the indices of their first pixels."""

    members: Int[Array, "G K"]
    """The K patches of every group, its reference first."""
    number: Int[Array, ""]
    """Of the first groups; the other rows of `members` are not to be used."""


def first_pixels(size: int, side: int, spacing: int) -> Int[np.ndarray, "n"]:
    """Return where patches of `side` pixels begin along an axis of `size` pixels; the last one ends at its end."""
    return np.unique(np.minimum(np.arange(0, size - side + spacing, spacing), size - side))


@partial(jax.jit, static_argnames="geometry")
def find(image: Float[Array, "H W C"], geometry: Geometry, where: Bool[Array, "H W"] | None = None) -> Groups:
    """Find the K patches with the smallest squared distance to every reference patch, all channels together.

    Args:
        image: finite values at all pixels.
        geometry: of the groups.
        where: only groups are wanted whose reference patch has a pixel where it is True; None: all are.

    Returns:
        The wanted groups. The reference is the first member: its own distance is zero.
    """
    shape, sides = image.shape[:2], geometry.sides(image.shape)
    rows, columns = (first_pixels(n, side, geometry.spacing) for n, side in zip(shape, sides, strict=True))
    if where is None:
        wanted = jnp.ones((len(rows), len(columns)), bool)
    else:
        wanted = jax.lax.reduce_window(where, False, jax.lax.bitwise_or, sides, (1, 1), "valid")[rows][:, columns]
    down, across = _blocks(rows), _blocks(columns)
    padding = [(0, each.size - n) for each, n in zip((down, across), wanted.shape, strict=True)]
    grid = jnp.pad(wanted, padding).reshape(len(down), BLOCK, len(across), BLOCK)
    # The blocks with wanted groups come first.
    order = jnp.argsort(~grid.any((1, 3)).ravel())
    search = _searcher(image, geometry)

    def body(number, found):
        i, j = jnp.divmod(order[number], len(across))
        return found.at[i, :, j].set(search(jnp.asarray(down)[i], jnp.asarray(across)[j]))

    none = jnp.zeros((len(down), BLOCK, len(across), BLOCK, geometry.size(image.shape)), jnp.int32)
    found = jax.lax.fori_loop(0, grid.any((1, 3)).sum(), body, none)
    found = found.reshape(down.size, across.size, -1)[: len(rows), : len(columns)]
    return Groups(found.reshape(wanted.size, -1)[jnp.argsort(~wanted.ravel())], wanted.sum())


def _blocks(first: Int[np.ndarray, "n"]) -> Int[np.ndarray, "B b"]:
    """Return first pixels in blocks of `BLOCK`, the last of which repeats its last one."""
    return np.pad(first, (0, -len(first) % BLOCK), mode="edge").reshape(-1, BLOCK)


def _searcher(image: Float[Array, "H W C"], geometry: Geometry) -> Callable[..., Int[Array, "b b K"]]:
    """Return a function of the first rows and columns of a block's references that finds their groups."""
    shape, sides, radius = image.shape[:2], geometry.sides(image.shape), geometry.radius
    # The channels come first: for a vector unit, neighbouring pixels have to be neighbours in memory.
    planes = jnp.moveaxis(image, -1, 0)
    extent = [(BLOCK - 1) * geometry.spacing + side for side in sides]
    padded = jnp.pad(planes, ((0, 0), *((radius, radius + n) for n in extent)))
    # The zero shift comes first, so that the reference is the first of equal patches.
    window = np.stack(np.meshgrid(*2 * [np.arange(-radius, radius + 1)], indexing="ij"), -1).reshape(-1, 2)
    shifts = jnp.asarray(window[np.argsort(np.abs(window).sum(1), kind="stable")])

    def search(rows: Int[Array, "b"], columns: Int[Array, "b"]) -> Int[Array, "b b K"]:
        size = [n + 2 * radius for n in extent]
        area = jax.lax.dynamic_slice(padded, (0, rows[0], columns[0]), (len(planes), *size))
        here = area[:, radius : radius + extent[0], radius : radius + extent[1]]
        first, left = rows - rows[0], columns - columns[0]
        # A product with zeros and ones sums the columns of every patch, in less time than seven shifted additions.
        offsets = jnp.arange(extent[1])[:, None] - left[None]
        inside_patch = ((offsets >= 0) & (offsets < sides[1])).astype(image.dtype)

        def distances(shift: Int[Array, "2"]) -> Float[Array, "n"]:
            # Neither a slice of all channels nor a sum over them, which the compiler does not vectorise.
            moved = (jax.lax.dynamic_slice(each, radius + shift, here[0].shape) for each in area)
            squared = reduce(jnp.add, [jnp.square(u - v) for u, v in zip(here, moved, strict=True)])
            by_column = reduce(jnp.add, [squared[first + i] for i in range(sides[0])])
            squares = jnp.dot(by_column, inside_patch, precision="highest")
            start = zip((rows[:, None] + shift[0], columns[None] + shift[1]), shape, sides, strict=True)
            inside = reduce(jnp.logical_and, [(at >= 0) & (at <= n - side) for at, n, side in start])
            return jnp.where(inside, squares, jnp.inf).ravel()

        # `top_k` prefers the first of equal values, and is fast along the last axis only.
        _, best = jax.lax.top_k(-jax.lax.map(distances, shifts).T, geometry.size(image.shape))
        references = (rows[:, None] * shape[1] + columns[None]).reshape(-1, 1)
        members = references + (shifts @ jnp.array([shape[1], 1]))[best]
        return members.reshape(BLOCK, BLOCK, -1)

    return search


def sums(
    estimate: Callable[[Int[Array, "n K"]], tuple[Float[Array, "n K C P"], Float[Array, "n #K 1 #P"]]],
    planes: Float[Array, "C H W"],
    groups: Groups,
    at_once: int,
    sides: tuple[int, int],
) -> tuple[Float[Array, "C H W"], Float[Array, "1 H W"]]:
    """Return the sum of the estimated patches of all groups at their places, times their weights, and of the weights.

    Args:
        estimate: maps a batch of groups to their patches, and to the weights of these.
        planes: whose shape the sums have.
        groups: as `find` returns them.
        at_once: groups in a batch, fewer if there are not so many.
        sides: height and width of a patch.
    """
    members, count = groups
    size = min(at_once, len(members))

    def body(number, totals):
        # The last batch ends with the last group, and repeats some of the batch before it without a weight.
        start = jnp.minimum(number * size, len(members) - size)
        first = jax.lax.dynamic_slice_in_dim(members, start, size)
        patches, weights = estimate(first)
        index = start + jnp.arange(size)
        wanted = (index >= number * size) & (index < count)
        weights = jnp.where(wanted[:, None, None, None], weights, 0)
        weights = jnp.broadcast_to(weights, (*first.shape, 1, patches.shape[-1]))
        return tuple(add(t, first, p, sides) for t, p in zip(totals, (weights * patches, weights), strict=True))

    zeros = jnp.zeros_like(planes), jnp.zeros_like(planes[:1])
    return jax.lax.fori_loop(0, -(-count // size), body, zeros)


def averages(
    estimate: Callable[[Float[Array, "n K S P"]], tuple[Float[Array, "n K 1 P"], Float[Array, "n #K 1 #P"]]],
    pictures: Float[Array, "S H W C"],
    groups: Groups,
    at_once: int,
    sides: tuple[int, int],
) -> Float[Array, "H W C"]:
    """Return the weighted means of the estimated patches of all groups at their places, of every channel on its own.

    Args:
        estimate: maps the patches of a batch of groups, in one channel, to their estimates and the weights of these.
        pictures: S pictures of the same scene, whose patches the estimate takes.
        groups: as `find` returns them; they cover the picture.
        at_once: groups in a batch, fewer if there are not so many.
        sides: height and width of a patch.
    """

    def average(planes: Float[Array, "S H W"]) -> Float[Array, "H W"]:
        found = sums(lambda first: estimate(take(planes, first, sides)), planes[:1], groups, at_once, sides)
        return (found[0] / found[1])[0]

    # One channel after another: the compiled program is slower where the channels are an inner axis.
    return jnp.moveaxis(jax.lax.map(average, jnp.moveaxis(pictures, -1, 0)), 0, -1)


def take(planes: Float[Array, "C H W"], first: Int[Array, "*n"], sides: tuple[int, int]) -> Float[Array, "*n C P"]:
    """Return the patches with the given first pixels, their P pixels in row-major order.

    Args:
        planes: the channels of the picture to take them from.
        first: indices of their first pixels.
        sides: height and width of a patch.
    """
    numbers = jax.lax.GatherDimensionNumbers(offset_dims=(1, 2, 3), collapsed_slice_dims=(), start_index_map=(1, 2))
    where, size = _places(planes, first), (len(planes), *sides)
    taken = jax.lax.gather(planes, where, numbers, size, mode=GatherScatterMode.PROMISE_IN_BOUNDS)
    return taken.reshape(*first.shape, len(planes), -1)


def add(
    planes: Float[Array, "C H W"], first: Int[Array, "*n"], patches: Float[Array, "*n C P"], sides: tuple[int, int]
) -> Float[Array, "C H W"]:
    """Add patches to a picture at their places.

    Args:
        planes: the channels of the picture to add them to.
        first: indices of their first pixels.
        patches: their values, as `take` returns them.
        sides: height and width of a patch.
    """
    numbers = jax.lax.ScatterDimensionNumbers((1, 2, 3), (), (1, 2))
    windows = patches.reshape(-1, len(planes), *sides)
    mode = GatherScatterMode.PROMISE_IN_BOUNDS
    return jax.lax.scatter_add(planes, _places(planes, first), windows, numbers, mode=mode)


def _places(planes: Float[Array, "C H W"], first: Int[Array, "*n"]) -> Int[Array, "N 2"]:
    return jnp.stack(jnp.divmod(first.ravel(), planes.shape[2]), -1)
