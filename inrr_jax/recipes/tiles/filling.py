"""The recovery of a large picture, tile by tile."""

import itertools
from collections.abc import Callable, MutableMapping, Sequence

import numpy as np
from absl import logging

from inrr_jax.data.arrays import check_memory
from inrr_jax.priors import refinement
from inrr_jax.priors.patch_search import WINDOW_RADIUS
from inrr_jax.recipes import stacking
from inrr_jax.recipes.stacking import CANDIDATES
from inrr_jax.recipes.tiles.plan import SIDE, Tile, plan
from inrr_jax.recipes.tiles.weights import ROUNDS, Weights, candidates, choose, is_refined
from inrr_jax.settings import Settings
from inrr_jax.types import Fill, Image, Mask

# Rough figures for the announcement, from runs of benchmarks/photographs.py in colour: the process itself, values of
# the picture, and pixels that have a missing one in their window, of one tile. The seconds lie between those of two
# machines that differ by a factor of two.
BASE_BYTES, BYTES_PER_VALUE, BYTES_PER_NEAR = 700 << 20, 25, 3000
BASE_SECONDS, SECONDS_PER_NEAR, SECONDS_PER_NEAR_REFINED = 10, 1e-4, 2e-4

Kept = MutableMapping[str, np.ndarray]
"""Results by name that outlive an interruption."""


def suits(shape: tuple[int, ...], settings: Settings) -> bool:
    """Return whether a signal is recovered in tiles: a picture larger than one, by the settings of the recipe."""
    return settings.correction == "stacked" and len(shape) == 2 and shape[0] * shape[1] > SIDE**2


def recover(
    image: Image,
    mask: Mask,
    kept: Kept | None = None,
    log: Callable[[str], None] = logging.info,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Image:
    """Recover the missing pixels of a picture tile by tile.

    Args:
        image: in [0, 1]; values at missing pixels are not used.
        mask: True where observed; at least one pixel is, and one is not.
        kept: holds the weights and the finished tiles of an interrupted call, which continues there; it is extended.
        log: takes a line on memory and time before the work begins, and one on the weights.
        progress: takes the numbers of finished and of all missing pixels after every tile. What it raises ends the
            call.

    Returns:
        Float32 in [0, 1], equal to `image` at observed pixels.

    Raises:
        UserError: the memory does not suffice.
    """
    kept, tiles = {} if kept is None else kept, plan(mask)
    _announce(image, mask, tiles, log)
    if "weights" not in kept:
        kept["weights"] = np.concatenate(choose(image, mask, tiles))
    weights, fills = Weights(*np.split(kept["weights"], [len(CANDIDATES)])), candidates(mask)
    log("weights: " + ", ".join(f"{name} {100 * w:.0f} %" for name, w in zip(CANDIDATES, weights.fills, strict=True)))
    recovered, done, total = np.where(mask[..., None], image, 0).astype(np.float32), 0, int((~mask).sum())
    for number, (window, own, _) in enumerate(tiles):
        name = f"tile{number}"
        if name not in kept:
            kept[name] = fill(image[window], mask[window], weights, fills)[own]
        recovered[window][own] = kept[name]
        done += int(own.sum())
        progress(done, total)
    return recovered


def fill(image: Image, mask: Mask, weights: Weights, fills: Sequence[Fill]) -> Image:
    """Return the weighted sum of the fills of a tile, refined by patch groups. Weights of zero cost nothing.

    Args:
        image: of the tile, in [0, 1]; values at missing pixels are not used.
        mask: True where observed.
        weights: of the picture.
        fills: the `candidates` for the picture.
    """
    image = np.where(mask[..., None], image, 0).astype(np.float32)
    used = weights.fills > 0
    filled = stacking.fill_all(image, mask, itertools.compress(fills, used))
    stacked = stacking.combine(image, mask, weights.fills[used], filled)
    return refinement.combined(image, mask, stacked, weights.rounds, ROUNDS)


def _announce(image: Image, mask: Mask, tiles: Sequence[Tile], log: Callable[[str], None]) -> None:
    """Log how much memory and time the recovery needs, of which the pixels with a missing one nearby take most."""
    from scipy.ndimage import maximum_filter

    near = maximum_filter(~mask, 2 * WINDOW_RADIUS + 1)
    most = max(int(near[tile.window].sum()) for tile in tiles)
    needed = BASE_BYTES + BYTES_PER_VALUE * image.size + BYTES_PER_NEAR * most
    check_memory(needed, f"the recovery of a picture of {mask.size / 1e6:.1f} megapixels", "give parts of it")
    seconds = BASE_SECONDS + near.sum() * (SECONDS_PER_NEAR_REFINED if is_refined(mask) else SECONDS_PER_NEAR)
    amount = f"{needed / 2**20:.0f} MiB, about {seconds:.0f} s on two CPU cores"
    log(f"{int((~mask).sum()):,} missing pixels in {len(tiles)} tiles: {amount}")
