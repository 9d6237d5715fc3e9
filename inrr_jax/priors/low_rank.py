r"""A denoiser that approximates groups of similar patches by matrices of low rank.

Similar patches are not only close to each other, they also vary in few directions. For every third pixel along either
axis, the K patches of P values that are most similar to its own are the rows of a matrix M, after their mean patch is
subtracted. Only the singular values above the noise are kept:

    M = U diag(s) V^T  ->  U diag(s') V^T,   s'_n = s_n where s_n > sigma (sqrt(K) + sqrt(P)), else 0.

White noise of standard deviation sigma has no larger singular values, asymptotically (Marchenko and Pastur, Math.
USSR-Sbornik 1967). The patches return to their places. Where they overlap, their mean with the weights 1 / (1 + rank)
is taken. Channels share the groups, but not the ranks. Observed pixels are restored, and the procedure is repeated with
a lower sigma: Dong, Shi and Li (IEEE Trans. Image Processing 2013), Zhang, Zhao and Gao (ibid. 2014).

All functions run on the host, in NumPy and SciPy.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int

from inrr_jax.operators.masking import paste
from inrr_jax.priors import patch_graph
from inrr_jax.types import Image, Mask

# The values were chosen on scikit-image's pictures (see docs/quality.md). There, groups of 40 patches, patches of
# 7 x 7 pixels and twice the number of rounds changed the recovery by less than 0.15 dB, in either direction.
MEMBERS = 60  # K: patches in a group, including the one that it belongs to
PATCH_REACH = 2  # pixels: patches are 5 x 5, P = 25
SPACING = 3  # pixels between the centres of groups; more than PATCH_REACH + 1 could miss the last row or column
SIGMA = 2.0  # pixels: standard deviation of the Gaussian weights with which patches are compared
# Sigma of each round, in grey values: the noise that is assumed falls as the estimate improves.
NOISE = np.geomspace(0.017, 0.003, 12)
REGROUP = 3  # rounds for which the groups are kept, as the search for them takes long
GROUPS_AT_ONCE = 256  # groups that each thread holds in memory


def denoise(image: Image, mask: Mask, start: Image) -> Image:
    """Denoise the missing pixels of a recovery by low-rank approximations of its groups of similar patches.

    Args:
        image: in [0, 1]; values at missing pixels are never used and may be NaN.
        mask: True at observed pixels.
        start: the recovery, in [0, 1] at all pixels.

    Returns:
        Float32 values in [0, 1], equal to `image` at observed pixels.
    """
    estimate = np.asarray(start, np.float32)
    for number, noise in enumerate(NOISE):
        if number % REGROUP == 0:
            members = group(estimate)
        denoised = np.clip(denoise_once(estimate, members, noise), 0, 1)
        estimate = paste(denoised, image, mask).astype(np.float32)
    return estimate


def group(image: Image) -> Int[np.ndarray, "G K"]:
    """Find the G groups of similar patches, as row-major indices of the pixels at their centres.

    The first member of each group is the pixel of the coarse grid for which it was searched.
    """
    height, width, _ = image.shape
    centers = np.arange(height * width).reshape(height, width)[::SPACING, ::SPACING].ravel()
    return np.concatenate([centers[None], patch_graph.nearest_patches(image, MEMBERS - 1, SIGMA, SPACING)[0]]).T


def denoise_once(image: Image, members: Int[np.ndarray, "G K"], noise: float) -> Image:
    """Threshold the singular values of all groups at one noise level and average the overlapping patches.

    Args:
        image: the picture to denoise.
        members: groups, as `group` returns them.
        noise: standard deviation of the noise, in the unit of the picture.
    """
    height, width, _ = image.shape
    padded = np.pad(image, ((PATCH_REACH, PATCH_REACH), (PATCH_REACH, PATCH_REACH), (0, 0)), mode="symmetric")
    # The pixel (i, j) of the picture, the centre of a patch, has the indices of the patch's first pixel in the padded
    # picture. From there, the offsets of the patch's pixels in memory are always the same.
    corners = (members // width) * padded.shape[1] + members % width
    offsets = np.add.outer(np.arange(2 * PATCH_REACH + 1) * padded.shape[1], np.arange(2 * PATCH_REACH + 1)).ravel()
    values = padded.reshape(-1, image.shape[-1])

    def add_up(some: Int[np.ndarray, "g K"]) -> tuple[int, Float[np.ndarray, "C 2 n"]]:
        """Return the first pixel that some groups reach and, from there on, sums of weighted patches and of weights."""
        where = some[:, :, None] + offsets
        first, places = int(where.min()), (where - where.min()).ravel()
        sums = []
        for channel in values.T:
            kept, rank = threshold_singular_values(channel[where], noise)
            # A group that few components explain is more reliable; BM3D has similar weights (Dabov et al. 2007).
            weights = np.broadcast_to(1 / (1 + rank)[:, None, None], where.shape)
            sums.append([np.bincount(places, part.ravel()) for part in (weights * kept, weights)])
        return first, np.array(sums)

    total = np.zeros((image.shape[-1], 2, len(values)))
    # Threads help, as NumPy releases the interpreter lock; `map` keeps the order, so the sum is always the same.
    with ThreadPoolExecutor() as pool:
        for first, part in pool.map(add_up, np.array_split(corners, math.ceil(len(corners) / GROUPS_AT_ONCE))):
            total[..., first : first + part.shape[-1]] += part
    # Only pixels of the padding, which are cut off, may be in no patch and have the weight zero.
    mean = (total[:, 0] / np.maximum(total[:, 1], 1e-12)).T.reshape(*padded.shape)
    return mean[PATCH_REACH : PATCH_REACH + height, PATCH_REACH : PATCH_REACH + width]


def threshold_singular_values(
    matrices: Float[np.ndarray, "G K P"], noise: float
) -> tuple[Float[np.ndarray, "G K P"], Int[np.ndarray, "G"]]:
    """Set the singular values that noise can explain to zero, after subtracting the mean of the rows.

    This is hard thresholding at ``noise (sqrt(K) + sqrt(P))``: larger singular values are not changed.

    Args:
        matrices: one K x P matrix for each group.
        noise: standard deviation sigma of the noise, in the unit of the matrices.

    Returns:
        The approximated matrices, with the mean added again, and the number of singular values that each has kept.
    """
    mean = matrices.mean(axis=1, keepdims=True)
    centered = matrices - mean
    # The right singular vectors are the eigenvectors of a P x P matrix, and the squared singular values its
    # eigenvalues. This takes much less time than a singular value decomposition.
    squares, vectors = np.linalg.eigh(centered.swapaxes(1, 2) @ centered)
    kept = squares > noise**2 * (math.sqrt(centered.shape[1]) + math.sqrt(centered.shape[2])) ** 2
    projection = (vectors * kept[:, None]) @ vectors.swapaxes(1, 2)
    return mean + centered @ projection, kept.sum(axis=1)
