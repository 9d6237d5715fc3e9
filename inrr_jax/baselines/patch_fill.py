"""Fills on the graph in which every patch is a linear combination of similar patches (`priors/patch_graph.py`)."""

import numpy as np

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.priors import patch_graph
from inrr_jax.types import Image, Mask

# Number of times that the graph is built from the estimate and the estimate computed on the graph; chosen on
# scikit-image's pictures (see docs/quality.md).
ROUNDS = 4


@keeping_observed
def locally_linear(image: Image, mask: Mask, rounds: int = ROUNDS, start: Image | None = None) -> Image:
    """Fill with the minimiser of the graph energy u^T L u for patches of 11 x 11 pixels.

    The first estimate is `start`, or the harmonic fill. Each of the rounds computes the energy from the current
    estimate (`patch_graph.residual_rows`) and interpolates the observed values with it (`patch_graph.interpolate`).
    Channels share the graph.
    """
    return _fill(image, mask, patch_graph.SIGMA, rounds, start)


@keeping_observed
def locally_linear_fine(image: Image, mask: Mask, rounds: int = ROUNDS, start: Image | None = None) -> Image:
    """Fill as `locally_linear` does, with a patch weight of half the standard deviation: patches of 7 x 7 pixels."""
    return _fill(image, mask, patch_graph.FINE_SIGMA, rounds, start)


def _fill(image: Image, mask: Mask, sigma: float, rounds: int, start: Image | None) -> Image:
    """Alternate between graph and estimate; `sigma` is the standard deviation of the patch weights, in pixels."""
    estimate = harmonic(image, mask) if start is None else start
    for _ in range(rounds):
        # The weights may be negative, so the minimiser can leave [0, 1].
        rows = patch_graph.residual_rows(estimate, mask, sigma)
        solution = patch_graph.interpolate(rows, image, mask, estimate)
        estimate = np.clip(solution, 0, 1)
    return estimate
