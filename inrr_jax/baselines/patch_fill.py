"""Fills on the graph in which every patch is a linear combination of similar patches (`priors/patch_graph.py`).

The graph of a round is built from the estimate before it, so that the first estimate decides which patches are similar.
In a hole, the harmonic fill resembles nothing. There, the first estimate is the recovery of the picture at half the
size, in which the hole is half as wide, and so on: an edge that ends at both sides of the hole is continued on a coarse
grid, and detail is added on finer ones (Newson et al., "Video inpainting of complex scenes", SIAM J. Imaging Sciences
2014, begin a search for patches in the same way).
"""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.holdout import has_holes
from inrr_jax.baselines.wnll import wnll
from inrr_jax.priors import patch_graph
from inrr_jax.types import Image, Mask

# Chosen on scikit-image's pictures (see docs/quality.md).
ROUNDS = 4
"""How often the graph is built from the estimate and the estimate computed on the graph."""
LEAST_SIDE = 16
"""Pixels along the shorter side below which a picture is not halved: a patch has 11."""
DEEP = 3.0
"""Distance from observed pixels, in pixels, up to which the harmonic fill resembles the picture."""
CHAIN = ("wnll", "locally_linear", "locally_linear_fine")
"""The fills of a `chain`, in their order."""
WNLL_ROUNDS = 3
"""Rounds of WNLL in a chain, which take half as long as the others'."""


@keeping_observed
def locally_linear(image: Image, mask: Mask, rounds: int = ROUNDS, start: Image | None = None) -> Image:
    """Fill with the minimiser of the graph energy u^T L u for patches of 11 x 11 pixels.

    Each of the rounds computes the energy from the current estimate (`patch_graph.residual_rows`) and interpolates the
    observed values with it (`patch_graph.interpolate`). The first estimate is `start`, or the `first_estimate`.
    Channels share the graph.
    """
    return _fill(image, mask, patch_graph.SIGMA, rounds, start)


@keeping_observed
def locally_linear_fine(image: Image, mask: Mask, rounds: int = ROUNDS, start: Image | None = None) -> Image:
    """Fill as `locally_linear` does, with a patch weight of half the standard deviation: patches of 7 x 7 pixels."""
    return _fill(image, mask, patch_graph.FINE_SIGMA, rounds, start)


def chain(image: Image, mask: Mask, start: Image) -> list[Image]:
    """Return the fills on graphs of patches, of which each begins with the one before.

    Fills that each build their graphs from the start on need four rounds, twelve graphs in all, to become as good as
    these five: the graphs of WNLL are the cheapest kind, and each of the others is built from the best estimate so far
    (docs/quality.md has the measurements).

    Args:
        image: in [0, 1]; values at missing pixels are not used.
        mask: True where observed; at least one pixel is.
        start: the first estimate.
    """
    similar = wnll(image, mask, rounds=WNLL_ROUNDS, start=start)
    combined = locally_linear(image, mask, rounds=1, start=similar)
    return [similar, combined, locally_linear_fine(image, mask, rounds=1, start=combined)]


def first_estimate(image: Image, mask: Mask) -> Image:
    """Return the harmonic fill, or, where the mask has deep holes, the locally linear fill of the halved picture.

    Args:
        image: in [0, 1]; values at missing pixels are not used.
        mask: True where observed.

    Returns:
        Equal to `image` at observed pixels; from the halved picture by bilinear interpolation at others.
    """
    if not is_deep(mask):
        return harmonic(image, mask)
    coarse = locally_linear(*_halved(image, mask))
    return np.where(mask[..., None], image, _doubled(coarse)[: mask.shape[0], : mask.shape[1]])


def is_deep(mask: Mask) -> bool:
    """Return whether a mask has holes, and pixels in them that are far from observed ones."""
    from scipy.ndimage import distance_transform_edt

    return min(mask.shape) >= LEAST_SIDE and has_holes(mask) and bool((distance_transform_edt(~mask) > DEEP).any())


def _fill(image: Image, mask: Mask, sigma: float, rounds: int, start: Image | None) -> Image:
    """Alternate between graph and estimate; `sigma` is the standard deviation of the patch weights, in pixels."""
    estimate = first_estimate(image, mask) if start is None else start
    for _ in range(rounds):
        # The weights may be negative, so the minimiser can leave [0, 1].
        rows = patch_graph.residual_rows(estimate, mask, sigma)
        solution = patch_graph.interpolate(rows, image, mask, estimate)
        estimate = np.clip(solution, 0, 1)
    return estimate


def _halved(image: Image, mask: Mask) -> tuple[Float[np.ndarray, "h w C"], Bool[np.ndarray, "h w"]]:
    """Return the means of the observed pixels of every 2 x 2, and where there are any. Odd sides are rounded up."""
    odd = [(0, side % 2) for side in mask.shape]
    seen = np.pad(mask, odd)[..., None]
    values = np.where(seen, np.pad(image, [*odd, (0, 0)]), 0)
    sums, counts = (_blocks(each).sum(axis=(1, 3)) for each in (values, seen))
    return sums / np.maximum(counts, 1), counts[..., 0] > 0


def _blocks(pixels: np.ndarray) -> np.ndarray:
    """Return pixels [2 h, 2 w, C] as blocks [h, 2, w, 2, C]."""
    return pixels.reshape(pixels.shape[0] // 2, 2, pixels.shape[1] // 2, 2, -1)


def _doubled(image: Float[np.ndarray, "h w C"]) -> Float[np.ndarray, "_ _ C"]:
    """Return a picture with twice the pixels along either axis, bilinear between the centres of its pixels."""
    from scipy.ndimage import zoom

    return zoom(image, (2, 2, 1), order=1, mode="nearest", grid_mode=True)
