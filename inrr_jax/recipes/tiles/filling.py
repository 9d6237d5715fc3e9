"""The recovery of a large picture, tile by tile."""

from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from absl import logging
from jaxtyping import Bool, Float

from inrr_jax.data.arrays import check_memory
from inrr_jax.priors import refinement
from inrr_jax.priors.patch_search import WINDOW_RADIUS
from inrr_jax.recipes import stacking
from inrr_jax.recipes.tiles.plan import SIDE, Tile, plan
from inrr_jax.recipes.tiles.weights import AT_ONCE, GAUSSIAN, NAMES, STARTS, Weights, choose, rounds_for
from inrr_jax.types import Image, Mask

# Rough figures for the announcement, from runs of benchmarks/photographs.py in colour: the process itself, values of
# the picture, and pixels that have a missing one in their window, of one tile. The seconds lie between those of two
# machines that differ by a factor of two.
BASE_BYTES, BYTES_PER_VALUE, BYTES_PER_NEAR = 700 << 20, 25, 3000
BASE_SECONDS, SECONDS_PER_NEAR_SPARSE, SECONDS_PER_NEAR = 10, 9e-5, 2e-4

Kept = MutableMapping[str, np.ndarray]
"""Results by name that outlive an interruption."""


def suits(mask: Bool[np.ndarray, "*grid"]) -> bool:
    """Return whether a signal is a picture with more pixels than a tile, which is recovered in tiles."""
    return mask.ndim == 2 and mask.size > SIDE**2


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
    kept, tiles, rounds = {} if kept is None else kept, plan(mask), rounds_for(mask)
    _announce(image, mask, tiles, log)
    weights = _weights(image, mask, tiles, kept, log)
    recovered, done, total = np.where(mask[..., None], image, 0).astype(np.float32), 0, int((~mask).sum())

    def finished(number: int, tile: Tile) -> Float[np.ndarray, "n C"]:
        name, (window, own, _) = f"tile{number}", tile
        return kept[name] if name in kept else fill(image[window], mask[window], weights, rounds)[own]

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        values = pool.map(finished, range(len(tiles)), tiles)
        for number, (window, own, _) in enumerate(tiles):
            recovered[window][own] = next(values)
            if (name := f"tile{number}") not in kept:
                kept[name] = recovered[window][own]
            done += int(own.sum())
            progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)  # after an exception, no other tile is begun
    return recovered


def _weights(image: Image, mask: Mask, tiles: Sequence[Tile], kept: Kept, log: Callable[[str], None]) -> Weights:
    """Return the kept weights, or new ones, which are then kept; log them."""
    names = *NAMES, *rounds_for(mask).names
    if "weights" in kept and kept["weights"].shape != (len(names),):
        log("the finished tiles are of another version of this package: they are computed again")
        kept.clear()
    if "weights" not in kept:
        kept["weights"] = np.concatenate(choose(image, mask, tiles))
    log("weights: " + ", ".join(f"{name} {100 * w:.0f} %" for name, w in zip(names, kept["weights"], strict=True)))
    return Weights(*np.split(kept["weights"], [len(NAMES)]))


def fill(image: Image, mask: Mask, weights: Weights, rounds: refinement.Rounds) -> Image:
    """Return the weighted sum of the fills of a tile, refined by patch groups.

    Args:
        image: of the tile, in [0, 1]; values at missing pixels are not used.
        mask: True where observed.
        weights: of the picture.
        rounds: of patch groups, `rounds_for` the picture.
    """
    image = np.where(mask[..., None], image, 0).astype(np.float32)
    stacked = stacking.combine(image, mask, weights.fills, stacking.fill_all(image, mask, STARTS))
    return refinement.combined(image, mask, stacked, weights.rounds, rounds)


def _announce(image: Image, mask: Mask, tiles: Sequence[Tile], log: Callable[[str], None]) -> None:
    """Log how much memory and time the recovery needs, of which the pixels with a missing one nearby take most."""
    from scipy.ndimage import maximum_filter

    near = maximum_filter(~mask, 2 * WINDOW_RADIUS + 1)
    most = max(int(near[tile.window].sum()) for tile in tiles)
    needed = BASE_BYTES + BYTES_PER_VALUE * image.size + BYTES_PER_NEAR * most
    check_memory(needed, f"the recovery of a picture of {mask.size / 1e6:.1f} megapixels", "give parts of it")
    seconds = BASE_SECONDS + near.sum() * (
        SECONDS_PER_NEAR_SPARSE if rounds_for(mask) is GAUSSIAN else SECONDS_PER_NEAR
    )
    amount = f"{needed / 2**20:.0f} MiB, about {seconds:.0f} s on two CPU cores"
    log(f"{int((~mask).sum()):,} missing pixels in {len(tiles)} tiles: {amount}")
