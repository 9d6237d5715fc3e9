"""Groups of similar patches: the search for them, and patches taken from and returned to their places.

A picture is covered by overlapping patches whose first pixels lie on a coarse grid, the last row and column of patches
included. Each of these patches is the reference of a group: its K members are the most similar patches of a window
around it, itself among them. A patch is named by the row-major index of its first pixel.

Everything is compiled. The search visits one shift of the picture after another: for 256 x 256 pixels, patches of 7 x 7
pixels at a spacing of 5 and a window of 41 x 41, these are 1,681 shifts of about 0.3 million operations, and the
selection of 60 of 1,681 distances for each of 2,601 groups. Strips of the picture bound the memory to 4,096 groups, or
one row of them: 27 MiB of distances.
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import GatherScatterMode
from jaxtyping import Array, Float, Int

GROUPS_AT_ONCE = 4096
"""Groups whose candidates are compared at once."""


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


def first_pixels(size: int, side: int, spacing: int) -> Int[np.ndarray, "n"]:
    """Return where patches of `side` pixels begin along an axis of `size` pixels; the last one ends at its end."""
    return np.unique(np.minimum(np.arange(0, size - side + spacing, spacing), size - side))


@partial(jax.jit, static_argnames="geometry")
def find(image: Float[Array, "H W C"], geometry: Geometry) -> Int[Array, "G K"]:
    """Find the K patches with the smallest squared distance to every reference patch, all channels together.

    Args:
        image: finite values at all pixels.
        geometry: of the groups.

    Returns:
        For each of G groups the indices of its members' first pixels, the reference first: its own distance is zero.
    """
    width = image.shape[1]
    sides, radius, shape = geometry.sides(image.shape), geometry.radius, image.shape[:2]
    rows, columns = (first_pixels(n, side, geometry.spacing) for n, side in zip(shape, sides, strict=True))
    across = jnp.asarray(columns)[None]
    # The channels come first: for a vector unit, neighbouring pixels have to be neighbours in memory.
    planes = jnp.moveaxis(image, -1, 0)
    padded = jnp.pad(planes, ((0, 0), (radius, radius), (radius, radius)))
    # A product with zeros and ones sums the columns of every patch, in less time than seven shifted additions.
    inside_patch = (abs(2 * (np.arange(width)[:, None] - columns) - sides[1] + 1) < sides[1]).astype(np.float32)
    # The zero shift comes first, so that the reference is the first of equal patches.
    window = np.stack(np.meshgrid(*2 * [np.arange(-radius, radius + 1)], indexing="ij"), -1).reshape(-1, 2)
    shifts = jnp.asarray(window[np.argsort(np.abs(window).sum(1), kind="stable")])

    def strip(first: Int[Array, "S"]) -> Int[Array, "n K"]:
        def distances(shift: Int[Array, "2"]) -> Float[Array, "n"]:
            moved = jax.lax.dynamic_slice(padded, (0, *(radius + shift)), planes.shape)
            pairs = [(u[first + i], v[first + i]) for u, v in zip(planes, moved, strict=True) for i in range(sides[0])]
            by_column = reduce(jnp.add, [jnp.square(u - v) for u, v in pairs])
            squares = jnp.dot(by_column, inside_patch, precision="highest")
            start = zip((first[:, None] + shift[0], across + shift[1]), shape, sides, strict=True)
            inside = reduce(jnp.logical_and, [(at >= 0) & (at <= n - side) for at, n, side in start])
            return jnp.where(inside, squares, jnp.inf).ravel()

        # `top_k` prefers the first of equal values, and is fast along the last axis only.
        _, best = jax.lax.top_k(-jax.lax.map(distances, shifts).T, geometry.size(image.shape))
        references = (first[:, None] * width + across).reshape(-1, 1)
        return references + (shifts @ jnp.array([width, 1]))[best]

    at_once = max(1, min(len(rows), GROUPS_AT_ONCE // len(columns)))
    # The last strip repeats the last row of groups, which is cut off.
    padding = (0, -len(rows) % at_once)
    found = jax.lax.map(strip, jnp.asarray(np.pad(rows, padding, mode="edge").reshape(-1, at_once)))
    return found.reshape(-1, found.shape[-1])[: len(rows) * len(columns)]


def sums(
    estimate: Callable[[Int[Array, "n K"]], tuple[Float[Array, "n K C P"], Float[Array, "n #K 1 #P"]]],
    planes: Float[Array, "C H W"],
    groups: Int[Array, "G K"],
    count: int | Int[Array, ""],
    at_once: int,
    sides: tuple[int, int],
) -> tuple[Float[Array, "C H W"], Float[Array, "1 H W"]]:
    """Return the sum of the estimated patches of all groups at their places, times their weights, and of the weights.

    Args:
        estimate: maps a batch of groups to their patches, and to the weights of these.
        planes: whose shape the sums have.
        groups: as `find` returns them.
        count: of the first groups that are wanted; batches of others alone are left out.
        at_once: groups in a batch, fewer if there are not so many.
        sides: height and width of a patch.
    """
    size = min(at_once, len(groups))

    def body(number, totals):
        # The last batch ends with the last group, and repeats some of the batch before it without a weight.
        start = jnp.minimum(number * size, len(groups) - size)
        first = jax.lax.dynamic_slice_in_dim(groups, start, size)
        patches, weights = estimate(first)
        index = start + jnp.arange(size)
        wanted = (index >= number * size) & (index < count)
        weights = jnp.where(wanted[:, None, None, None], weights, 0)
        weights = jnp.broadcast_to(weights, (*first.shape, 1, patches.shape[-1]))
        return tuple(add(t, first, p, sides) for t, p in zip(totals, (weights * patches, weights), strict=True))

    zeros = jnp.zeros_like(planes), jnp.zeros_like(planes[:1])
    return jax.lax.fori_loop(0, -(-count // size), body, zeros)


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
