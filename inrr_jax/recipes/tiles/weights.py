"""One set of weights for a whole picture, from held-out pixels of several parts of it."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.patch_fill import locally_linear, locally_linear_fine
from inrr_jax.baselines.wnll import wnll
from inrr_jax.priors import refinement
from inrr_jax.recipes import holdout, stacking
from inrr_jax.recipes.stacking import CANDIDATES
from inrr_jax.recipes.tiles.plan import SIDE, Tile, square
from inrr_jax.types import Fill, Image, Mask

SAMPLES = 6
"""Parts of the picture with held-out pixels."""
SAMPLE_SIDE = 192
"""Side of such a part in pixels, unless it is at a large hole."""
LEAST_WEIGHT = 0.05
"""Recoveries with a smaller weight are left out, because each costs as much as one with a large weight."""
REFINED = 0.1
"""Share of missing pixels above which the sum of the fills is refined by groups of patches. Below, groups gain up to a
decibel too, but the search for them is not limited to the surroundings of missing pixels, and would take several times
as long as all the rest (docs/large_pictures.md)."""
FEW_ROUNDS = 2
MANY_MISSING = 0.6
"""Share of missing pixels above which the fills have all four rounds. Below, most of what a graph is built from is
observed, and two rounds lose 0.05 dB on average (docs/large_pictures.md)."""
FEW: dict[str, Fill] = {
    "harmonic": harmonic,
    "wnll": partial(wnll, rounds=FEW_ROUNDS),
    "locally_linear": partial(locally_linear, rounds=FEW_ROUNDS),
    "locally_linear_fine": partial(locally_linear_fine, rounds=FEW_ROUNDS),
}
"""The `CANDIDATES` with two rounds."""
ROUNDS = refinement.Rounds((5,), (6,))
"""Rounds of patch groups after which there is a recovery. Later ones gain less than they cost."""
NO_ROUNDS = np.eye(len(ROUNDS.names))[0]


Part = Float[np.ndarray, "_ _ C"]


class Weights(NamedTuple):
    """Weights for the whole picture, each group with sum 1."""

    fills: Float[np.ndarray, "K"]
    """Of `CANDIDATES`."""
    rounds: Float[np.ndarray, "R"]
    """Of their sum after so many rounds of patch groups as `ROUNDS` has; after none if little is missing."""


def choose(image: Image, mask: Mask, tiles: Sequence[Tile]) -> Weights:
    """Return the weights that err least on held-out pixels of a sample of parts, spread over the missing pixels.

    Args:
        image: in [0, 1]; values at missing pixels are not used.
        mask: True where observed.
        tiles: of the picture.
    """
    known, hidden = _sample(image, mask, tiles)
    if not hidden:
        return Weights(np.full(len(CANDIDATES), 1 / len(CANDIDATES)), NO_ROUNDS)
    fills = [stacking.fill_all(held.image, held.mask, candidates(mask)) for held in hidden]
    weights = _least(known, hidden, fills)
    if not is_refined(mask):
        return Weights(weights, NO_ROUNDS)
    stacks = [stacking.combine(h.image, h.mask, weights, each) for h, each in zip(hidden, fills, strict=True)]
    refined = [
        refinement.candidates(h.image, h.mask, stacked, ROUNDS) for h, stacked in zip(hidden, stacks, strict=True)
    ]
    return Weights(weights, _least(known, hidden, refined))


def is_refined(mask: Mask) -> bool:
    """Return whether so much of a picture is missing that groups of patches refine the sum of the fills."""
    return bool(mask.mean() < 1 - REFINED)


def candidates(mask: Mask) -> list[Fill]:
    """Return the fills that are weighted for a picture, with as many rounds as its mask needs."""
    return list((CANDIDATES if mask.mean() < 1 - MANY_MISSING else FEW).values())


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
