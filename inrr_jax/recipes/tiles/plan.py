"""The tiles of a picture: squares of equal size that overlap, and one more for every large hole."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from inrr_jax.types import Mask

SIDE = 512
"""Side of a tile in pixels."""
HALO = 32
"""Overlap with each neighbour in pixels: the window and the reach of the patches (19), and some more for what their
values depend on. Values there are computed and not used."""
DEPTH = HALO
"""A missing pixel at least so far from all observed ones, along the axes, is inside of a large hole: a tile could hold
it without what surrounds it."""


class Tile(NamedTuple):
    """A part of a picture, and which of its missing pixels are recovered from it."""

    window: tuple[slice, slice]
    own: Bool[np.ndarray, "h w"]
    large: bool
    """Whether it is a large hole with its surroundings."""


def plan(mask: Mask) -> list[Tile]:
    """Return the tiles with missing pixels, such that each missing pixel is recovered from exactly one.

    A hole that is large for a tile gets a tile of its own, with all that surrounds it.
    """
    holes = number_holes(mask)
    return [*_around(holes, mask), *_regular(~mask & (holes == 0))]


def number_holes(mask: Mask) -> Int[np.ndarray, "H W"]:
    """Return the number of the large hole around every pixel, from 1, and 0 outside of large holes."""
    from scipy.ndimage import label, maximum_filter

    deep = ~maximum_filter(mask, 2 * DEPTH + 1, mode="constant")
    # The hole ends one pixel beyond DEPTH pixels from those, or sooner.
    return label(maximum_filter(deep, 2 * DEPTH + 3, mode="constant"))[0]


def _around(holes: Int[np.ndarray, "H W"], mask: Mask) -> Iterator[Tile]:
    from scipy.ndimage import find_objects

    for number, box in enumerate(find_objects(holes), 1):
        rows, columns = (slice(max(0, part.start - HALO), part.stop + HALO) for part in box)
        yield Tile((rows, columns), (holes[rows, columns] == number) & ~mask[rows, columns], large=True)


def _regular(missing: Bool[np.ndarray, "H W"]) -> Iterator[Tile]:
    # An axis that a tile holds is not divided.
    core = [SIDE - 2 * HALO if n > SIDE else n for n in missing.shape]
    for row in range(0, missing.shape[0], core[0]):
        for column in range(0, missing.shape[1], core[1]):
            if missing[row : row + core[0], column : column + core[1]].any():
                # All windows have one shape, so that programs are compiled once.
                window = square((row - HALO, column - HALO), SIDE, missing.shape)
                top, left = window[0].start, window[1].start
                own = np.zeros(missing[window].shape, bool)
                inside = slice(row - top, row - top + core[0]), slice(column - left, column - left + core[1])
                own[inside] = missing[window][inside]
                yield Tile(window, own, large=False)


def square(first: tuple[int, int], side: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return a square that begins at a pixel, or so far before it that it ends within the picture."""
    top, left = (max(0, min(n, size - side)) for n, size in zip(first, shape, strict=True))
    return slice(top, top + side), slice(left, left + side)
