"""High-accuracy low-rank tensor completion: the nuclear norms of all unfoldings."""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.tensors.contract import channels_as_axis, completing
from inrr_jax.baselines.tensors.shrinkage import shrink_singular_values

PENALTY = 1e-2  # rho of the first iteration, for values in [0, 1]
GROWTH = 1.05  # of rho in each iteration
ITERATIONS = 300  # the most
TOLERANCE = 1e-4  # change, and distance of the copies from the tensor, relative to it, below which it is finished


@completing
@channels_as_axis
def halrtc(values: Float[np.ndarray, "*axes"], mask: Bool[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    """Minimise ``1/D sum over axes a of |X_(a)|_*`` with X held where observed; X_(a) is the unfolding along a.

    HaLRTC (Liu, Musialski, Wonka, Ye, TPAMI 2013, algorithm 4) is the alternating direction method of multipliers with
    a copy M_a and a multiplier Y_a, divided by rho, for each axis. X starts from the mean of the observed entries.

        M_a <- fold(shrink(X_(a) + Y_a, 1 / (D rho)))     soft thresholding of the singular values
        X   <- mean over a of (M_a - Y_a)                 where missing
        Y_a <- (Y_a - M_a + X) / 1.05,  rho <- 1.05 rho

    A slice without an observed entry is not determined by the norms, which draw it to zero: the smallest value.
    """
    x, rho = np.where(mask, values, values[mask].mean()), PENALTY
    multipliers = [np.zeros_like(x)] * x.ndim
    for _ in range(ITERATIONS):
        copies = [_shrink(x + y, axis, 1 / (x.ndim * rho)) for axis, y in enumerate(multipliers)]
        before = x
        x = np.where(mask, values, sum(m - y for m, y in zip(copies, multipliers, strict=True)) / x.ndim)
        multipliers = [(y - m + x) / np.float32(GROWTH) for m, y in zip(copies, multipliers, strict=True)]
        distance = max(np.linalg.norm(y - x) for y in (before, *copies))
        if distance <= TOLERANCE * np.linalg.norm(x):
            break
        rho *= GROWTH
    return x


def _shrink(tensor: Float[np.ndarray, "*axes"], axis: int, threshold: float) -> Float[np.ndarray, "*axes"]:
    """Apply the proximal operator of the nuclear norm of the unfolding along an axis."""
    unfolded = np.moveaxis(tensor, axis, 0)
    shrunk = shrink_singular_values(unfolded.reshape(unfolded.shape[0], -1), threshold)
    return np.moveaxis(shrunk.reshape(unfolded.shape), 0, axis)
