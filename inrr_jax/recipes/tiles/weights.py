"""One set of weights for a whole picture, from held-out pixels of several parts of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.patch_fill import first_estimate
from inrr_jax.priors import refinement
from inrr_jax.recipes import holdout, stacking
from inrr_jax.recipes.tiles.plan import SIDE, Tile, square
from inrr_jax.types import Image, Mask

AT_ONCE = 2
"""Tiles or parts that are recovered at once, because most of the work on one runs on one core."""
STARTS = (first_estimate,)
"""Of the fills. A second chain, as small pictures with holes have, would double the time of the fills."""
NAMES = stacking.names(STARTS)
"""Of the fills."""
SAMPLES = 6
"""Parts of the picture with held-out pixels."""
SAMPLE_SIDE = 192
"""Side of such a part in pixels, unless it is at a large hole."""
LEAST_WEIGHT = 0.05
"""Recoveries with a smaller weight are left out, because each costs as much as one with a large weight."""
SPARSE = 0.1
"""Share of missing pixels up to which few are missing."""
GAUSSIAN = refinement.Rounds((), (3,))
"""Rounds of patch groups after which there is a recovery where few pixels are missing: Gaussian models are limited to
the surroundings of these, and take little time."""
BOTH = refinement.Rounds((5,), (6,))
"""The same elsewhere. Later rounds gain less than they cost."""

Part = Float[np.ndarray, "_ _ C"]


class Weights(NamedTuple):
    """Weights for the whole picture, each group with sum 1."""

    fills: Float[np.ndarray, "K"]
    """Of the fills that `stacking.fill_all` returns."""
    rounds: Float[np.ndarray, "R"]
    """Of their sum, and of its refinements."""


def rounds_for(mask: Mask) -> refinement.Rounds:
    """Return the rounds that suit the share of missing pixels."""
    return GAUSSIAN if mask.mean() >= 1 - SPARSE else BOTH


def choose(image: Image, mask: Mask, tiles: Sequence[Tile]) -> Weights:
    """Return the weights that err least on held-out pixels of a sample of parts, spread over the missing pixels.

    Args:
        image: in [0, 1]; values at missing pixels are not used.
        mask: True where observed.
        tiles: of the picture.
    """
    (known, hidden), rounds = _sample(image, mask, tiles), rounds_for(mask)
    if not hidden:
        return Weights(np.full(len(NAMES), 1 / len(NAMES)), np.eye(len(rounds.names))[0])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        filled = list(pool.map(lambda held: stacking.fill_all(held.image, held.mask, STARTS), hidden))
        weights = _least(known, hidden, filled)
        stacks = [stacking.combine(h.image, h.mask, weights, each) for h, each in zip(hidden, filled, strict=True)]
        refined = pool.map(lambda h, stack: refinement.candidates(h.image, h.mask, stack, rounds), hidden, stacks)
        return Weights(weights, _least(known, hidden, list(refined)))


def _sample(image: Image, mask: Mask, tiles: Sequence[Tile]) -> tuple[list[Part], list[holdout.HeldOut]]:
    """Return parts of a picture around missing pixels that are evenly spread, and their hold-out problems."""
    counts = np.cumsum([tile.own.sum() for tile in tiles])
    windows = {}
    for place in ((np.arange(SAMPLES) + 0.5) / SAMPLES * counts[-1]).astype(int):
        number = int(np.searchsorted(counts, place, side="right"))
        window, own, large = tiles[number]
        # At the first corner of a large hole, a part has observed pixels too, for copies of the hole.
        pixel = np.argwhere(own)[place - counts[number]] if not large else np.argwhere(own).min(axis=0)
        side = SIDE if large else SAMPLE_SIDE
        row, column = (part.start + int(n) - side // 2 for part, n in zip(window, pixel, strict=True))
        window = square((row, column), side, mask.shape)
        windows[tuple((part.start, part.stop) for part in window)] = window  # no window twice
    parts = [(np.where(mask[w][..., None], image[w], 0), mask[w]) for w in windows.values() if mask[w].sum() > 1]
    return [part for part, _ in parts], [holdout.hold_out_components(*part) for part in parts]


def _least(
    known: Sequence[Part], hidden: Sequence[holdout.HeldOut], recovered: Sequence[Float[np.ndarray, "K _ _ C"]]
) -> Float[np.ndarray, "K"]:
    """Return the weights of least error on the held-out pixels of all parts, without those that are hardly used."""
    each = [stacking.relative_errors(r, k, h.held) for r, k, h in zip(recovered, known, hidden, strict=True)]
    weights = stacking.minimal_error_weights(np.concatenate([e for e, _ in each]), sum(count for _, count in each))
    weights = np.where(weights < LEAST_WEIGHT, 0, weights)
    return weights / weights.sum()
