"""Hold-out of observed pixels: chooses settings and weights without the true values of the missing pixels.

Some observed pixels are held out, every candidate recovers the picture from the others, and the candidates' errors on
the held-out pixels decide. Held-out pixels should be as hard to recover as missing ones. If the mask has holes, single
pixels are too easy, because their neighbours are observed, and would favour interpolation. The held-out pixels are then
a shifted and flipped copy of the missing region: a mask-shaped hold-out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax.errors import DivergedError, UserError
from inrr_jax.operators.masking import Masking
from inrr_jax.problem import Problem

SHARE = 0.05
"""Share of the observed pixels that is held out."""
PLACEMENTS = 64
"""Random placements of the copied missing region that are tried."""
BLOCKS = 8
"""The picture is divided into 8 x 8 blocks, and a large copy is cut to some of them: errors differ so much between
regions that held-out pixels from a single region would not be representative."""
ENOUGH_COMPONENTS = 16
"""Connected components of held-out pixels from which on no more are added."""
LARGEST_SHARE = 0.2
"""Share of the observed pixels from which on no more components are held out, because recoveries would get harder."""
DISTANCE = 10.0
"""Smallest distance in pixels between held-out components: the distance over which patches are compared."""
CLUSTERED = 0.5
"""Correlation of neighbouring mask pixels above which the missing pixels count as holes."""
INTERVAL, QUANTILE = 0.9, 1.6449
"""The share of held-out errors that deviations are calibrated for, and the deviations of a normal distribution within
which this share lies."""

Mask = Bool[np.ndarray, "H W"]
Image = Float[np.ndarray, "H W C"]


class Split(NamedTuple):
    """The observed pixels in two parts."""

    training: Mask
    """True where a candidate may use the value."""
    held: Mask
    """True where its error counts; False at all missing pixels."""


class HeldOut(NamedTuple):
    """A hold-out problem: a picture in which some of the known pixels are hidden."""

    image: Image
    """Zero where not observed."""
    mask: Mask
    """True where observed in this problem."""
    held: Mask
    """True where held out."""


def choose(candidates: Sequence[Any], errors: Sequence[float]) -> Any:
    """Return the candidate with the smallest error, the first one of equals. NaN is the error of one that diverged.

    Raises:
        DivergedError: all errors are NaN.
    """
    if np.isnan(errors).all():
        raise DivergedError(f"none of the {len(errors)} candidates gives numbers on the held-out pixels")
    return candidates[int(np.nanargmin(errors))]


def error(
    recovered: Float[np.ndarray, "*grid C"], signal: Float[np.ndarray, "*grid C"], held: Bool[np.ndarray, "*grid"]
) -> float:
    """Return the mean squared error on the held-out entries, which lie in [0, 1]; NaN if a value is no number."""
    return float(np.mean(np.square(recovered[held].clip(0, 1) - signal[held], dtype=np.float64)))


def calibrate(errors: Float[np.ndarray, "*n"], deviations: Float[np.ndarray, "*#n"]) -> float:
    """Return the factor on deviations with which 90 % of the held-out errors lie within 1.645 deviations."""
    return float(np.quantile(np.abs(errors) / deviations, INTERVAL) / QUANTILE)


def restrict(problem: Problem, mask: Bool[np.ndarray, "*grid"]) -> Problem:
    """Return the problem with only the entries of `mask` observed, without its truth and its auxiliary arrays.

    Auxiliary arrays are removed because they may have been computed from the entries that are held out.
    """
    measurements = np.where(mask[..., None], problem.measurements, np.float32(0))
    return Problem(problem.domain, Masking(mask), measurements)


def hold_out(key: Key[Array, ""], mask: Mask, share: float = SHARE) -> Split:
    """Split the observed pixels in two; the values of the picture are not used.

    A mask-shaped copy is held out if neighbouring pixels of the mask correlate by more than 1/2, single pixels
    otherwise.

    Args:
        key: determines the pixels held out.
        mask: True where observed.
        share: of the observed pixels that are held out, in (0, 1). Copies of small holes may hold fewer.

    Raises:
        UserError: fewer than two pixels are observed.
    """
    observed = int(mask.sum())
    if observed < 2:
        raise UserError(f"{observed} observed pixels: at least 2 are needed to hold one out")
    count = min(max(1, round(share * observed)), observed - 1)
    place = mask_shaped if neighbour_correlation(mask) > CLUSTERED else single_pixels
    held = place(key, mask, count)
    return Split(mask & ~held, held)


def hold_out_components(image: Image, mask: Mask) -> HeldOut:
    """Return a hold-out problem with as many mask-shaped components as fit, the same for every call.

    With few large holes, one copy of them would be too few independent observations to weight recoveries by.
    """
    split = add_components(jax.random.key(1), hold_out(jax.random.key(0), mask))
    # Hidden values are zeroed, so that no candidate can use them by mistake.
    return HeldOut(np.where(split.training[..., None], image, np.float32(0)), split.training, split.held)


def single_pixels(key: Key[Array, ""], mask: Mask, count: int) -> Mask:
    """Draw `count` of the observed pixels, each with the same probability."""
    drawn = np.asarray(jax.random.permutation(key, np.flatnonzero(mask)))[:count]
    held = np.zeros(mask.shape, bool)
    held.flat[drawn] = True
    return held


def mask_shaped(key: Key[Array, ""], mask: Mask, count: int) -> Mask:
    """Draw up to `count` observed pixels in the shape of the missing region, as far from observed pixels as that is.

    Among random shifted and flipped copies of the missing region, those with at least half as many pixels as the
    largest are considered. The chosen copy's pixels lie, on average, as far from the nearest training pixel as missing
    pixels from the nearest observed one. Copies that overlap the holes or the border are farther or nearer.
    """
    from scipy.ndimage import distance_transform_edt

    def depth(training, where):
        # On a logarithmic scale twice as far counts as much as half as far.
        return float(np.log(distance_transform_edt(~training)[where].mean()))

    drawn = np.asarray(jax.random.uniform(key, (PLACEMENTS, 4 + BLOCKS**2)))
    copies = [_cut(_moved(mask, *numbers[:4].tolist()), numbers[4:], count) for numbers in drawn]
    sizes = np.array([copy.sum() for copy in copies])
    if sizes.max() == 0:  # every copy of a missing border, for example, overlaps the border
        return single_pixels(key, mask, count)
    wanted = depth(mask, ~mask)
    # A copy that mostly overlaps holes holds out too few pixels to judge by.
    large = [copy for copy, size in zip(copies, sizes, strict=True) if 2 * size >= sizes.max()]
    return min(large, key=lambda held: abs(depth(mask & ~held, held) - wanted))


def add_components(key: Key[Array, ""], split: Split) -> Split:
    """Hold out further mask-shaped components, at a distance from all others.

    It ends when there are enough components, or too many pixels are held out, or no placement is left.

    Args:
        key: determines the placements.
        split: pixels that are held out already, and stay so.
    """
    from scipy.ndimage import distance_transform_edt

    mask = split.training | split.held
    for numbers in np.asarray(jax.random.uniform(key, (PLACEMENTS, 4))).tolist():
        enough = components(split.held)[1] >= ENOUGH_COMPONENTS
        if enough or split.held.sum() > LARGEST_SHARE * mask.sum():
            break
        numbered, _ = components(_moved(mask, *numbers))
        # A component that comes close to a hole, or to another component, would be harder to recover than the holes.
        near = distance_transform_edt(split.training) <= DISTANCE
        more = ~np.isin(numbered, [0, *np.unique(numbered[near])])
        split = Split(split.training & ~more, split.held | more)
    return split


def components(held: Mask) -> tuple[Int[np.ndarray, "H W"], int]:
    """Return the number of each pixel's 8-connected component, from 1 and 0 outside, and how many there are."""
    from scipy.ndimage import label

    return label(held, np.ones((3, 3)))


def blocks(where: Mask) -> Int[np.ndarray, "n"]:
    """Return the number of the block, of 8 x 8, that contains each pixel of `where`, in row-major order."""
    rows, columns = np.nonzero(where)
    return BLOCKS * (BLOCKS * rows // where.shape[0]) + BLOCKS * columns // where.shape[1]


def neighbour_correlation(mask: Mask) -> float:
    """Return the correlation of neighbouring mask pixels along the axis where it is larger: near 0 if scattered."""
    variance = mask.var()
    pairs = [(np.delete(mask, 0, axis), np.delete(mask, -1, axis)) for axis in (0, 1) if mask.shape[axis] > 1]
    mean = mask.mean()
    return max((float(np.mean((a - mean) * (b - mean)) / variance) for a, b in pairs), default=0.0) if variance else 0.0


def _moved(mask: Mask, down: float, right: float, upside: float, mirrored: float) -> Mask:
    """Return the observed pixels under a copy of the missing ones, shifted and flipped by numbers in [0, 1)."""
    copy = ~mask[:: -1 if upside < 0.5 else 1, :: -1 if mirrored < 0.5 else 1]
    shift = [int(number * size) for number, size in zip((down, right), mask.shape, strict=True)]
    return np.roll(copy, shift, axis=(0, 1)) & mask


def _cut(held: Mask, order: Float[np.ndarray, "blocks"], count: int) -> Mask:
    """Keep `count` pixels from the blocks that come first in a random order, which keeps most holes whole."""
    # A stable sort keeps the pixels of a block together.
    first = np.argsort(order[blocks(held)], kind="stable")[:count]
    kept = np.zeros(held.shape, bool)
    kept.flat[np.flatnonzero(held)[first]] = True
    return kept
