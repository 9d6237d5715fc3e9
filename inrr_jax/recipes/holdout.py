"""The choice among candidates by pixels that are held out of the observed ones: it never sees what is missing.

A small share of the observed pixels is held out, every candidate recovers them from the others, and the one with the
least error recovers the missing ones from all that is observed. Candidates are any functions of a problem: fits with
other settings, classical fills, or both.

What is held out should be as hard as what is missing. Beside a hole, single pixels are not: their neighbours give them
away, and they choose what interpolates best. So where the mask has holes, copies of these are held out.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax.data.problem import Problem
from inrr_jax.errors import DivergedError, UserError, unknown

SHARE = 0.05
"""Of the observed pixels, held out."""

COPIES = 64
"""Placements tried of the missing region's copy."""

BLOCKS = 8
"""Blocks along each axis, of which a copy is cut: error differs so much from place to place that one will not do."""

WITNESSES = 16
"""Pieces that are enough to judge by."""

MOST = 0.2
"""Of the observed pixels, held out, from which on there is no room for another copy."""

APART = 10.0
"""Pixels from one hole to the next at least: as far as patches are compared."""

CLUSTERED = 0.5
"""Correlation of neighbouring mask pixels from which on what is missing counts as holes."""

Mask = Bool[np.ndarray, "H W"]
Image = Float[np.ndarray, "H W C"]
Recovery = Callable[[Problem], Float[Array | np.ndarray, "H W C"]]
"""Recovers a picture from the observed pixels of a problem; the others are zero."""


class Split(NamedTuple):
    """The observed pixels, cut in two."""

    training: Mask
    """True where a candidate may look."""
    held: Mask
    """True where it is judged; nowhere missing."""


class Selected(NamedTuple):
    """What the held-out pixels chose."""

    best: int
    errors: list[float]
    """Mean squared error of every candidate on the held-out pixels."""
    recovered: Image
    """By the chosen candidate, from all observed pixels."""


def select(problem: Problem, candidates: Sequence[Recovery], key: Key[Array, ""], share: float = SHARE) -> Selected:
    """Choose a candidate on held-out pixels, and let it recover the picture from all observed ones.

    Args:
        problem: of which only the observed pixels are looked at, by this function as by the candidates.
        candidates: at least one.
        key: of the pixels held out.
        share: of the observed pixels that are held out, in (0, 1).

    Raises:
        UserError: too few observed pixels.
        DivergedError: no candidate gives numbers on the held-out pixels.
    """
    split = hold_out(key, problem.mask, share)
    blind = restrict(problem, split.training)
    errors = [error(np.asarray(recover(blind)), problem.image, split.held) for recover in candidates]
    best = choose(range(len(candidates)), errors)
    return Selected(best, errors, np.asarray(candidates[best](restrict(problem, problem.mask))))


def choose(candidates: Sequence[Any], errors: Sequence[float]) -> Any:
    """Return the candidate with the least error, the first of equals; NaN is the error of one that diverged.

    Raises:
        DivergedError: all errors are NaN.
    """
    if np.isnan(errors).all():
        raise DivergedError(f"none of the {len(errors)} candidates gives numbers on the held-out pixels")
    return candidates[int(np.nanargmin(errors))]


def error(recovered: Image, image: Image, held: Mask) -> float:
    """Mean squared error on the held-out pixels, in squared grey values; NaN if the recovery is no number there."""
    return float(np.mean(np.square(recovered[held].clip(0, 1) - image[held], dtype=np.float64)))


def restrict(problem: Problem, mask: Mask) -> Problem:
    """Return the problem with only the pixels of `mask` observed, and zero elsewhere: there is nothing to peek at."""
    return Problem(np.where(mask[..., None], problem.image, np.float32(0)), mask)


def hold_out(key: Key[Array, ""], mask: Mask, share: float = SHARE, placement: str = "auto") -> Split:
    """Cut the observed pixels in two; the values of the picture have no part in it.

    Args:
        key: of the pixels held out.
        mask: True where observed.
        share: of the observed pixels that are held out, in (0, 1); copies of small holes may hold fewer.
        placement: `pixels`, single ones; `copies`, a copy of the missing region, shifted and flipped; or `auto`:
            copies if neighbouring pixels of the mask correlate by more than 1/2, single pixels otherwise.

    Raises:
        UserError: fewer than two observed pixels, or an unknown placement.
    """
    if placement not in ("auto", *PLACEMENTS):
        raise UserError(unknown(f"placement {placement}", placement, ("auto", *PLACEMENTS)))
    observed = int(mask.sum())
    if observed < 2:
        raise UserError(f"{observed} observed pixels: at least 2 are needed to hold one out")
    if placement == "auto":
        placement = "copies" if _neighbour_correlation(mask) > CLUSTERED else "pixels"
    count = min(max(1, round(share * observed)), observed - 1)
    held = PLACEMENTS[placement](key, mask, count)
    return Split(mask & ~held, held)


def _pixels(key: Key[Array, ""], mask: Mask, count: int) -> Mask:
    """Draw `count` of the observed pixels, all alike."""
    drawn = np.asarray(jax.random.permutation(key, np.flatnonzero(mask)))[:count]
    held = np.zeros(mask.shape, bool)
    held.flat[drawn] = True
    return held


def _copies(key: Key[Array, ""], mask: Mask, count: int) -> Mask:
    """Lay a copy of the missing region over the observed pixels, where it is as deep as the missing region itself.

    Of several random copies, those that hold at least half as much as the largest count; taken is the one whose pixels
    lie, on average, as far from the nearest training pixel as missing ones from the nearest observed one. Copies that
    run into the holes or out of the picture are deeper or shallower.
    """
    from scipy.ndimage import distance_transform_edt

    def depth(training, where):
        return float(np.log(distance_transform_edt(~training)[where].mean()))

    drawn = np.asarray(jax.random.uniform(key, (COPIES, 4 + BLOCKS**2)))
    copies = [_cut(_moved(mask, *numbers[:4].tolist()), numbers[4:], count) for numbers in drawn]
    sizes = np.array([copy.sum() for copy in copies])
    if sizes.max() == 0:  # such as a border, which every copy lies upon
        return _pixels(key, mask, count)
    wanted = depth(mask, ~mask)
    large = [copy for copy, size in zip(copies, sizes, strict=True) if 2 * size >= sizes.max()]
    return min(large, key=lambda held: abs(depth(mask & ~held, held) - wanted))


def more_copies(key: Key[Array, ""], split: Split) -> Split:
    """Hold out further copies of the holes, apart from all others, until the pieces are enough or the room is not.

    Args:
        key: of where the copies lie.
        split: what is held out already; stays held out.
    """
    from scipy.ndimage import distance_transform_edt

    mask = split.training | split.held
    for numbers in np.asarray(jax.random.uniform(key, (COPIES, 4))).tolist():
        if pieces(split.held)[1] >= WITNESSES or split.held.sum() > MOST * mask.sum():
            break
        numbered, _ = pieces(_moved(mask, *numbers))
        near = distance_transform_edt(split.training) <= APART
        more = ~np.isin(numbered, [0, *np.unique(numbered[near])])
        split = Split(split.training & ~more, split.held | more)
    return split


def pieces(held: Mask) -> tuple[Int[np.ndarray, "H W"], int]:
    """Tell connected pieces apart by numbers from 1: what is wrong in one place is wrong all over it, one witness."""
    from scipy.ndimage import label

    return label(held, np.ones((3, 3)))


PLACEMENTS: dict[str, Callable[[Key[Array, ""], Mask, int], Mask]] = {"pixels": _pixels, "copies": _copies}


def _moved(mask: Mask, down: float, right: float, upside: float, mirrored: float) -> Mask:
    """Return the observed pixels below a copy of the missing ones, shifted and flipped by numbers in [0, 1)."""
    copy = ~mask[:: -1 if upside < 0.5 else 1, :: -1 if mirrored < 0.5 else 1]
    shift = [int(number * size) for number, size in zip((down, right), mask.shape, strict=True)]
    return np.roll(copy, shift, axis=(0, 1)) & mask


def _cut(held: Mask, order: Float[np.ndarray, "blocks"], count: int) -> Mask:
    """Keep `count` pixels, of the blocks that come first: from all over the picture, and holes mostly whole."""
    first = np.argsort(order[blocks(held)], kind="stable")[:count]
    kept = np.zeros(held.shape, bool)
    kept.flat[np.flatnonzero(held)[first]] = True
    return kept


def blocks(where: Mask) -> Int[np.ndarray, "n"]:
    """Return the number of the block, of 8 x 8, in which each pixel of `where` lies, row by row."""
    rows, columns = np.nonzero(where)
    return BLOCKS * (BLOCKS * rows // where.shape[0]) + BLOCKS * columns // where.shape[1]


def _neighbour_correlation(mask: Mask) -> float:
    """Correlation of the mask with itself one pixel further, along the axis where it is larger: 0 if scattered."""
    variance = mask.var()
    pairs = [(np.delete(mask, 0, axis), np.delete(mask, -1, axis)) for axis in (0, 1) if mask.shape[axis] > 1]
    mean = mask.mean()
    return max((float(np.mean((a - mean) * (b - mean)) / variance) for a, b in pairs), default=0.0) if variance else 0.0
