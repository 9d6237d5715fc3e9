r"""The search for the most similar patches of a picture, as one compiled program for pictures of all sizes.

For one shift v, the squared distances between all patches and those at v are a Gaussian filter of one picture,
``(u(i) - u(i + v))^2``, which takes far fewer operations than to compare the patches one by one. The search visits all
shifts of a window and keeps the k smallest distances of every pixel. It does so in blocks of 32 x 32 pixels that are
placed where pixels are wanted: everything that belongs to a batch of blocks fits into a processor's cache, and the time
is proportional to the pixels that are wanted.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial, reduce
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from inrr_jax.types import Image

WINDOW_RADIUS = 10
"""Patches are compared within 21 x 21 pixels; a larger window did not improve the recovery (docs/quality.md)."""
SIDE = 32
"""Side of a block, in pixels. With a margin of 10 pixels around those that are wanted, smaller blocks take longer."""
BATCH = 2
"""Blocks of one call of the compiled program."""
TRUNCATE = 3.0
"""Standard deviations after which the Gaussian weights of a patch are cut off."""

T = TypeVar("T")
Blocks = Float[Array | np.ndarray, "B C S S"]
"""The channels come first: for a vector unit, neighbouring pixels have to be neighbours in memory."""


def nearest_patches(
    image: Image,
    neighbors: int,
    sigma: float,
    radius: int = WINDOW_RADIUS,
    where: Bool[np.ndarray, "H W"] | None = None,
) -> tuple[Int[np.ndarray, "k M"], Float[np.ndarray, "k M"]]:
    """Find the k most similar patches of pixels, within a window around each.

    ``d_ij^2 = sum_s g(s) sum_c (u_c(i + s) - u_c(j + s))^2`` with a Gaussian g of sum 1, cut off at 3 sigma. Where
    either patch exceeds the picture, the differences are mirrored at its border. The distances are rounded down to 15
    binary digits (fewer for a radius above 10), because the other digits hold the number of the shift, so that one
    comparison orders both.

    Args:
        image: values at all pixels, in [0, 1].
        neighbors: k, not counting the pixel itself. A picture with fewer than k other pixels in the window of a corner
            pixel gets as many as that window has.
        sigma: standard deviation of g, in pixels.
        radius: half the side of the window: the largest distance of a neighbour along either axis, in pixels.
        where: search only for pixels where it is True; None: for all.

    Returns:
        The row-major indices of the neighbours and the squared distances d_ij^2, with the nearest first, for the M
        pixels where `where` is True, in row-major order: M = H W without `where`.
    """
    height, width, _ = image.shape
    # The window of a corner pixel has no more.
    k = min(neighbors, math.prod(min(radius, side - 1) + 1 for side in (height, width)) - 1)
    wanted = np.ones((height, width), bool) if where is None else where
    found = np.empty((k, height, width), np.int32)
    for corners, best in ahead(_search_blocks(image, _corners(wanted), k, sigma, radius)):
        for (row, column), block in zip(corners, np.asarray(best), strict=False):
            place = found[:, row : row + SIDE, column : column + SIDE]
            place[...] = block[:, : place.shape[1], : place.shape[2]]
    return _unpack(found[:, wanted], np.argwhere(wanted), width, radius)


def _corners(wanted: Bool[np.ndarray, "H W"]) -> Int[np.ndarray, "n 2"]:
    """Return the first row and column of blocks that cover the wanted pixels, in horizontal strips.

    Under scratches, they are a quarter fewer than those of a fixed grid with a wanted pixel.
    """
    strips = ((row, _starts(np.any(wanted[row : row + SIDE], 0))) for row in _starts(np.any(wanted, 1)))
    return np.array([(row, column) for row, columns in strips for column in columns]).reshape(-1, 2)


def _starts(wanted: Bool[np.ndarray, "n"]) -> list[int]:
    """Return where intervals of `SIDE` begin that cover the wanted places, and do not exceed n if that is longer."""
    places, starts = np.flatnonzero(wanted), []
    while places.size:
        starts.append(int(max(0, min(places[0], wanted.size - SIDE))))
        places = places[places >= starts[-1] + SIDE]
    return starts


def _search_blocks(
    image: Image, corners: Int[np.ndarray, "n 2"], k: int, sigma: float, radius: int
) -> Iterator[tuple[Int[np.ndarray, "b 2"], Int[Array, "B k s s"]]]:
    """Dispatch the search in batches of blocks, and yield the corners of each with its k packed numbers per pixel."""
    margin = radius + _taps(sigma).size // 2
    height, width, _ = image.shape
    whole = [(margin, margin + max(0, SIDE - length)) for length in (height, width)]
    padded = np.pad(image.astype(np.float32), (*whole, (0, 0)), mode="symmetric")
    extent = SIDE + 2 * margin
    windows = np.lib.stride_tricks.sliding_window_view(padded, (extent, extent), axis=(0, 1))
    size = min(BATCH, round_up(len(corners)))
    for first in range(0, len(corners), size):
        some = corners[first : first + size]
        # The last batch is filled up, as another size would be compiled again.
        full = some[np.arange(size) % len(some)].astype(np.int32)
        blocks, shape = windows[full[:, 0], full[:, 1]], np.array([height, width], np.int32)
        yield some, _search(blocks, full, shape, k=k, sigma=sigma, radius=radius)


def _taps(sigma: float) -> Float[np.ndarray, "taps"]:
    reach = int(TRUNCATE * sigma + 0.5)
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return (gaussian / gaussian.sum()).astype(np.float32)


@partial(jax.jit, static_argnames=("k", "sigma", "radius"))
def _search(
    blocks: Blocks,
    corners: Int[Array | np.ndarray, "B 2"],
    shape: Int[Array | np.ndarray, "2"],
    *,
    k: int,
    sigma: float,
    radius: int,
) -> Int[Array, "B k s s"]:
    """Return the k smallest distances of every pixel of B blocks, each packed with the number of its shift.

    Around its s x s pixels, a block has a margin of `radius` and the reach of the Gaussian. `corners` are the
    row and the column of the first of these pixels, and `shape` is that of the picture.
    """
    taps, window = _taps(sigma), 2 * radius + 1
    inner, low = SIDE + taps.size - 1, np.int32(_low_bits(radius))
    channels = jnp.moveaxis(jnp.asarray(blocks), 1, 0)
    here = channels[:, :, radius : radius + inner, radius : radius + inner]
    starts = np.arange(SIDE)[None]
    rows, columns = corners[:, :1] + starts, corners[:, 1:] + starts
    filters = [_filters(corners[:, axis], shape[axis], taps, radius) for axis in range(2)]

    def visit(best: Int[Array, "k B s s"], shift: Int[Array, ""]) -> tuple[Int[Array, "k B s s"], None]:
        down, right = shift // window, shift % window
        # Neither a slice of all channels nor a sum over them, which the compiler does not vectorise.
        there = [lax.dynamic_slice(each, (0, down, right), here[0].shape) for each in channels]
        squared = reduce(jnp.add, [jnp.square(a - b) for a, b in zip(here, there, strict=True)])
        across = jnp.einsum("brc,bcm->brm", squared, filters[1][right], precision="highest")
        distance = jnp.einsum("brm,brn->bmn", across, filters[0][down], precision="highest")  # columns first
        place = rows + down - radius, columns + right - radius
        inside = [(index >= 0) & (index < length) for index, length in zip(place, shape, strict=True)]
        bits = jnp.where(inside[1][:, :, None] & inside[0][:, None], distance, jnp.inf).view(jnp.int32)
        # The bits of floats that are not negative, taken as integers, have the order of the floats.
        return _insert(best, (bits & ~low) | shift), None

    shifts = np.delete(np.arange(window**2, dtype=np.int32), window**2 // 2)  # without the pixel itself
    none = jnp.full((k, len(blocks), starts.size, starts.size), np.iinfo(np.int32).max, jnp.int32)
    return lax.scan(visit, none, jnp.asarray(shifts))[0].transpose(1, 0, 3, 2)


def _insert(best: Int[Array, "k B s s"], number: Int[Array, "B s s"]) -> Int[Array, "k B s s"]:
    """Insert numbers into sorted lists of k, whose largest numbers are dropped."""
    # All places at once: each keeps its number, or takes the new one or that of its predecessor.
    before = jnp.concatenate([jnp.full_like(best[:1], -1), best[:-1]])
    return jnp.maximum(before, jnp.minimum(best, number[None]))


def _filters(
    corners: Int[Array | np.ndarray, "B"], count: Int[Array, ""], taps: Float[np.ndarray, "taps"], radius: int
) -> Float[Array, "w B n s"]:
    """Return the matrices that filter n values along an axis of each block, with its s results, for each of w shifts.

    The product with one has more operations than shifted additions, and takes less time. The values are mirrored at the
    borders of the part of the picture in which both pixels exist.
    """
    reach = taps.size // 2
    side = SIDE + 2 * reach
    gaussian = np.stack([np.pad(taps, (column, SIDE - 1 - column)) for column in range(SIDE)], axis=1)
    shift, first = np.arange(-radius, radius + 1)[:, None, None], corners[None, :, None] - reach
    low, length = np.maximum(0, -shift), count - np.abs(shift)
    places = np.arange(side)[None, None]
    period = (first + places - low) % (2 * jnp.maximum(length, 1))
    source = low + jnp.minimum(period, 2 * length - 1 - period) - first
    mirror = jnp.clip(source, 0, side - 1)[..., None] == places[None]
    return jnp.einsum("wbtn,ts->wbns", mirror.astype(jnp.float32), gaussian, precision="highest")


def _low_bits(radius: int) -> int:
    """Return the integer whose bits are those that hold the number of a shift."""
    return (1 << ((2 * radius + 1) ** 2 - 1).bit_length()) - 1


def round_up(count: int) -> int:
    """Return the smallest power of two that is not below a positive number, for programs of few sizes."""
    return 1 << (count - 1).bit_length()


def ahead(dispatched: Iterable[T]) -> Iterator[T]:
    """Yield the results of an iterable that dispatches computations, each after the next two have been dispatched."""
    pending: deque[T] = deque()
    for result in dispatched:
        pending.append(result)
        if len(pending) > 2:
            yield pending.popleft()
    yield from pending


def _unpack(
    packed: Int[np.ndarray, "k M"], pixels: Int[np.ndarray, "M 2"], width: int, radius: int
) -> tuple[Int[np.ndarray, "k M"], Float[np.ndarray, "k M"]]:
    """Return the indices of the neighbours and their squared distances, from packed numbers and rows and columns."""
    window, low = 2 * radius + 1, _low_bits(radius)
    down, right = np.divmod(packed & low, window)
    own = pixels @ [width, 1]
    return own + (down - radius) * width + right - radius, (packed & ~np.int32(low)).view(np.float32)
