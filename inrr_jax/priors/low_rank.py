r"""Groups of patches that look alike: what their members share is kept, what is each one's own is not.

Every third pixel along either axis is grouped with those whose patches look most like its own. The K patches of P
values, less their mean patch, are the rows of a matrix, of whose singular values only those stay that rise above noise:

    M = U diag(s) V^T  ->  U diag(s') V^T,   s'_n = s_n where s_n > sigma (sqrt(K) + sqrt(P)), else 0;

noise of deviation sigma alone has no larger ones (Marchenko and Pastur, Math. USSR-Sbornik 1967). Patches go back to
where they came from, and where they overlap, the mean is taken, weighed by 1 / (1 + rank). Channels have groups in
common and ranks of their own. Observed pixels are put back, and it is done again with a lower sigma: Dong, Shi and Li
(IEEE Trans. Image Processing 2013), Zhang, Zhao and Gao (ibid. 2014). Host code, in NumPy and SciPy.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int

from inrr_jax.priors import patch_graph
from inrr_jax.priors.patch_graph import Image, Mask

MEMBERS = 60
REACH = 2  # pixels, from the centre of a patch to its sides
SPACING = 3  # pixels, between the centres of groups; at most REACH + 1, or pixels are left out
WEIGHT = 2.0  # pixels: the sigma of the Gaussian weight by which patches are compared
NOISE = np.geomspace(0.017, 0.003, 12)  # grey value: sigma of each round
REGROUP = 3  # rounds
AT_ONCE = 256  # groups that a thread holds in memory


def share(image: Image, mask: Mask, start: Image) -> Image:
    """Keep of a recovery what its groups of patches share, and all of the observed pixels.

    Args:
        image: in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.
        start: the recovery, in [0, 1].

    Returns:
        Values in [0, 1], those of `image` where observed.
    """
    estimate, observed = np.asarray(start, np.float32), mask[..., None]
    for number, noise in enumerate(NOISE):
        if number % REGROUP == 0:
            members = group(estimate)
        estimate = np.where(observed, image, np.clip(_lowered(estimate, members, noise), 0, 1)).astype(np.float32)
    return estimate


def group(image: Image) -> Int[np.ndarray, "G K"]:
    """Find the members of each group, row-major indices of pixels; the first is the one that it is made for."""
    height, width, _ = image.shape
    centres = np.arange(height * width).reshape(height, width)[::SPACING, ::SPACING].ravel()
    return np.concatenate([centres[None], patch_graph.nearest(image, MEMBERS - 1, WEIGHT, SPACING)[0]]).T


def _lowered(image: Image, members: Int[np.ndarray, "G K"], noise: float) -> Image:
    """Lower the rank of all groups and put their patches together."""
    height, width, _ = image.shape
    padded = np.pad(image, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="symmetric")
    # A patch is as many values from its first pixel on, wherever that is.
    corners = (members // width) * padded.shape[1] + members % width
    around = np.add.outer(np.arange(2 * REACH + 1) * padded.shape[1], np.arange(2 * REACH + 1)).ravel()
    values = padded.reshape(-1, image.shape[-1])

    def add_up(some: Int[np.ndarray, "g K"]) -> tuple[int, Float[np.ndarray, "C 2 n"]]:
        """Add up the weighed patches of some groups, and their weights, from the first pixel that they reach."""
        where = some[:, :, None] + around
        first, places = int(where.min()), (where - where.min()).ravel()
        sums = []
        for channel in values.T:
            kept, rank = lower_rank(channel[where], noise)
            weights = np.broadcast_to(1 / (1 + rank)[:, None, None], where.shape)
            sums.append([np.bincount(places, part.ravel()) for part in (weights * kept, weights)])
        return first, np.array(sums)

    total = np.zeros((image.shape[-1], 2, len(values)))
    with ThreadPoolExecutor() as pool:
        for first, part in pool.map(add_up, np.array_split(corners, math.ceil(len(corners) / AT_ONCE))):
            total[..., first : first + part.shape[-1]] += part
    mean = (total[:, 0] / np.maximum(total[:, 1], 1e-12)).T.reshape(*padded.shape)
    return mean[REACH : REACH + height, REACH : REACH + width]


def lower_rank(
    matrices: Float[np.ndarray, "G K P"], noise: float
) -> tuple[Float[np.ndarray, "G K P"], Int[np.ndarray, "G"]]:
    """Drop the singular values that are no larger than those of noise, of the rows less their mean.

    Args:
        matrices: one for each group.
        noise: sigma, in their unit.

    Returns:
        The matrices with their means, and how many singular values each has kept.
    """
    mean = matrices.mean(axis=1, keepdims=True)
    own = matrices - mean
    # The right singular vectors are those of a small symmetric matrix, much sooner found than both sides'.
    squares, vectors = np.linalg.eigh(own.swapaxes(1, 2) @ own)
    stays = squares > noise**2 * (math.sqrt(own.shape[1]) + math.sqrt(own.shape[2])) ** 2
    projection = (vectors * stays[:, None]) @ vectors.swapaxes(1, 2)
    return mean + own @ projection, stays.sum(axis=1)
