"""Which observed entries to hold out, so that errors there say how well missing entries are recovered.

Held-out entries should be as hard to recover as missing ones. If the mask has holes, single entries are too easy,
because their neighbours are observed, and would favour interpolation. The held-out entries are then shifted and flipped
copies of the missing ones: whole slices, whole fibers, or pieces of clouds at the same depth. The values of the signal
are not used.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax.errors import UserError

SHARE = 0.05
"""Share of the observed pixels of a picture that is held out."""
GRID_SHARE = 0.2
"""The same for arrays, where pieces of holes would lose their depth if they were smaller."""
PLACEMENTS = 64
"""Random placements of the copied missing region that are tried."""
LARGEST_TOTAL = 1 << 26
"""Entries of all placements together, above which fewer are tried."""
BLOCKS = 64
"""The grid is divided into about 64 blocks, 8 x 8 in a picture, and a large copy is cut to some of them: errors differ
so much between regions that held-out entries from a single region would not be representative."""
MOST_PER_AXIS = 8
"""Blocks along one axis."""
ENOUGH_COMPONENTS = 16
"""Connected components of held-out entries from which on no more are added."""
LARGEST_SHARE = 0.2
"""Share of the observed entries from which on no more components are held out, because recoveries would get harder."""
DISTANCE = 10.0
"""Smallest distance in nodes between held-out components: the distance over which patches are compared."""
FEW = 100
"""Single entries below which their mean distance to others varies much between draws."""
CLUSTERED = 0.5
"""Correlation of neighbouring entries of the mask above which the missing entries count as holes."""

Mask = Bool[np.ndarray, "*grid"]


class Split(NamedTuple):
    """The observed entries in two parts."""

    training: Mask
    """True where a candidate may use the value."""
    held: Mask
    """True where its error counts; False at all missing entries."""


def hold_out(key: Key[Array, ""], mask: Mask, share: float = SHARE) -> Split:
    """Split the observed entries in two, on a grid of any number of axes.

    Axes along which the mask does not change are set aside, so that whole slices or fibers are held out where such are
    missing. On the other axes a copy of the missing region is held out if neighbouring entries of the mask correlate by
    more than 1/2, and single entries otherwise.

    Args:
        key: determines the entries held out.
        mask: True where observed.
        share: of the observed entries that are held out, in (0, 1). Copies of small holes may hold fewer.

    Raises:
        UserError: fewer than two entries are observed.
    """
    if mask.sum() < 2:
        raise UserError(f"{int(mask.sum())} observed entries: at least 2 are needed to hold one out")
    changing = _changing(mask)
    observed = int(changing.sum())
    count = min(max(1, round(share * observed)), observed - 1)
    place = mask_shaped if has_holes(changing) else single_entries
    held = np.broadcast_to(place(key, changing, count), mask.shape) & mask
    return Split(mask & ~held, held)


def hold_out_fifth(mask: Mask, draw: int = 0) -> Split:
    """Split the observed entries of an array, the same for every call with the same number of the draw.

    Raises:
        UserError: fewer than two entries are observed.
    """
    return hold_out(jax.random.key(draw), mask, GRID_SHARE)


def single_entries(key: Key[Array, ""], mask: Mask, count: int) -> Mask:
    """Draw `count` of the observed entries, each with the same probability.

    If these are few, such as slices, some draws have several next to each other and others have none. Of many draws the
    one is taken whose entries lie, on average, as far from the nearest training entry as missing ones from observed.
    """
    observed = np.flatnonzero(mask)

    def drawn(own: Key[Array, ""]) -> Mask:
        held = np.zeros(mask.shape, bool)
        held.flat[np.asarray(jax.random.permutation(own, observed))[:count]] = True
        return held

    if count >= FEW:
        return drawn(key)
    return _as_deep(mask, [drawn(jax.random.fold_in(key, draw)) for draw in range(_placements(mask))])


def mask_shaped(key: Key[Array, ""], mask: Mask, count: int) -> Mask:
    """Draw up to `count` observed entries in the shape of the missing region, as far from observed ones as that is.

    Among random shifted and flipped copies of the missing region, those with at least half as many entries as the
    largest are considered. The chosen copy's entries lie, on average, as far from the nearest training entry as missing
    entries from the nearest observed one. Copies that overlap the holes or the border are farther or nearer.
    """
    moves, total = 2 * mask.ndim, blocks_per_axis(mask.ndim) ** mask.ndim
    drawn = np.asarray(jax.random.uniform(key, (PLACEMENTS, moves + total)))[: _placements(mask)]
    copies = [_cut(_moved(mask, numbers[:moves]), numbers[moves:], count) for numbers in drawn]
    sizes = np.array([copy.sum() for copy in copies])
    if sizes.max() == 0:  # every copy of a missing border, for example, overlaps the border
        return single_entries(key, mask, count)
    # A copy that mostly overlaps holes holds out too few entries to judge by.
    large = [copy for copy, size in zip(copies, sizes, strict=True) if 2 * size >= sizes.max()]
    return _as_deep(mask, large)


def add_components(key: Key[Array, ""], split: Split) -> Split:
    """Hold out further mask-shaped components, at a distance from all others.

    It ends when there are enough components, or too many entries are held out, or no placement is left.

    Args:
        key: determines the placements.
        split: entries that are held out already, and stay so.
    """
    from scipy.ndimage import distance_transform_edt

    mask = split.training | split.held
    for numbers in np.asarray(jax.random.uniform(key, (PLACEMENTS, 2 * mask.ndim))):
        enough = components(split.held)[1] >= ENOUGH_COMPONENTS
        if enough or split.held.sum() > LARGEST_SHARE * mask.sum():
            break
        numbered, _ = components(_moved(mask, numbers))
        # A component that comes close to a hole, or to another component, would be harder to recover than the holes.
        near = distance_transform_edt(split.training) <= DISTANCE
        more = ~np.isin(numbered, [0, *np.unique(numbered[near])])
        split = Split(split.training & ~more, split.held | more)
    return split


def components(held: Mask) -> tuple[Int[np.ndarray, "*grid"], int]:
    """Return the number of each entry's component, from 1 and 0 outside, and how many there are.

    Entries are connected if no index differs by more than 1: a pixel has 8 neighbours.
    """
    from scipy.ndimage import label

    return label(held, np.ones((3,) * held.ndim))


def blocks_per_axis(dimensions: int) -> int:
    """Return the number of blocks along each axis, which gives about 64 in total: 8 x 8, or 4 x 4 x 4."""
    return min(MOST_PER_AXIS, max(2, round(BLOCKS ** (1 / dimensions))))


def blocks(where: Mask) -> Int[np.ndarray, "n"]:
    """Return the number of the block that contains each entry of `where`, in row-major order."""
    count, number = blocks_per_axis(where.ndim), np.zeros(int(where.sum()), int)
    for index, size in zip(np.nonzero(where), where.shape, strict=True):
        number = count * number + count * index // size
    return number


def has_holes(mask: Mask) -> bool:
    """Return whether missing entries are next to each other, and not scattered."""
    return neighbour_correlation(mask) > CLUSTERED


def neighbour_correlation(mask: Mask) -> float:
    """Return the correlation of neighbouring entries of the mask along the axis where it is largest.

    It is near 0 if the missing entries are scattered.
    """
    variance = mask.var()
    axes = [axis for axis, size in enumerate(mask.shape) if size > 1]
    pairs = ((np.delete(mask, 0, axis), np.delete(mask, -1, axis)) for axis in axes)
    mean = mask.mean()
    return max((float(np.mean((a - mean) * (b - mean)) / variance) for a, b in pairs), default=0.0) if variance else 0.0


def changing_axes(mask: Mask) -> list[int]:
    """Return the axes along which a mask changes; along all others it consists of whole slices or fibers."""
    return [axis for axis in range(mask.ndim) if (mask != mask.take([0], axis)).any()]


def _changing(mask: Mask) -> Bool[np.ndarray, "..."]:
    """Return the mask at the first index of every axis along which it does not change.

    Nothing is set aside if fewer than two entries would be observed then, such as a single slice.
    """
    axes = changing_axes(mask)
    changing = mask[tuple(slice(None) if axis in axes else slice(0, 1) for axis in range(mask.ndim))]
    return changing if changing.sum() > 1 else mask


def _as_deep(mask: Mask, candidates: Sequence[Mask]) -> Mask:
    """Return the candidate whose mean distance to training entries is that of missing entries to observed ones."""
    from scipy.ndimage import distance_transform_edt

    def depth(training, where):
        # On a logarithmic scale twice as far counts as much as half as far.
        return float(np.log(distance_transform_edt(~training)[where].mean())) if where.any() else 0.0

    wanted = depth(mask, ~mask)
    return min(candidates, key=lambda held: abs(depth(mask & ~held, held) - wanted))


def _placements(mask: Mask) -> int:
    return min(PLACEMENTS, max(1, LARGEST_TOTAL // mask.size))


def _moved(mask: Mask, numbers: Float[np.ndarray, "moves"]) -> Mask:
    """Return the observed entries under a copy of the missing ones.

    Args:
        mask: True where observed.
        numbers: in [0, 1): the shift along each axis, then whether each axis is flipped.
    """
    shifts, flips = numbers[: mask.ndim].tolist(), numbers[mask.ndim :]
    copy = ~mask[tuple(slice(None, None, -1 if flip < 0.5 else 1) for flip in flips)]
    shift = [int(number * size) for number, size in zip(shifts, mask.shape, strict=True)]
    return np.roll(copy, shift, axis=range(mask.ndim)) & mask


def _cut(held: Mask, order: Float[np.ndarray, "blocks"], count: int) -> Mask:
    """Keep `count` entries from the blocks that come first in a random order, which keeps most holes whole."""
    # A stable sort keeps the entries of a block together.
    first = np.argsort(order[blocks(held)], kind="stable")[:count]
    kept = np.zeros(held.shape, bool)
    kept.flat[np.flatnonzero(held)[first]] = True
    return kept
