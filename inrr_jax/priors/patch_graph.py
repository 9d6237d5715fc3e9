r"""The Laplacian of the graph that joins every pixel of a picture to the pixels with the most similar patches.

Whole rows of a photograph are seldom alike, but small patches are. As in locally linear embedding (Roweis and Saul,
Science 2000), every pixel is approximated by a combination of its neighbours in the graph, with the weights that
reconstruct its patch from theirs:

    u_i ~ sum_j W_ij u_j,   sum_j W_ij = 1,

The residual defines the energy u^T L u of a picture u, with

    L = (I - W)^T (I - W) + epsilon L_grid.

L is symmetric and positive semi-definite, and its rows sum to zero: it is a graph Laplacian whose weights may be
negative, computed from an estimate of the picture itself.

All functions run on the host, in NumPy and SciPy. Pixels are in row-major order: N = H W nodes. SciPy is imported
inside the functions, so that a fit that uses no graph starts sooner.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from inrr_jax.types import Image, Mask

# Where no other reason is given, the values were chosen on scikit-image's pictures (see docs/quality.md).
NEIGHBORS = 12
SIGMA = 3.0  # pixels: standard deviation of the Gaussian weights inside a patch
FINE_SIGMA = 1.5  # pixels: the same for small patches, of which more resemble each other
# Half the side of a patch in units of sigma, where weights are solved for: 11 x 11 and 7 x 7 pixels for the two sigmas.
PATCH_REACH = 5 / 3
# Patches are compared within a window of 21 x 21 pixels; a larger one did not improve the recovery.
WINDOW_RADIUS = 10
RIDGE = 1.0  # in units of the mean squared distance of the neighbours' patches
GRID_WEIGHT = 0.01  # epsilon: small, as the grid only has to connect pixels that no patch connects
MIN_SQUARED_DISTANCE = 1e-6  # squared grey value: keeps scales and ridges positive where patches are equal
CG_TOLERANCE = 1e-4  # relative residual at which conjugate gradients stop
# For one channel and 11 x 11 pixels, the patch differences of so many pixels take 8192 * 12 * 121 * 4 bytes = 45 MiB.
PIXELS_AT_ONCE = 8192


def nearest_patches(
    image: Image, neighbors: int = NEIGHBORS, sigma: float = SIGMA, spacing: int = 1
) -> tuple[Int[np.ndarray, "k M"], Float[np.ndarray, "k M"]]:
    """Find the k most similar patches of every pixel within 10 pixels along either axis.

    ``d_ij^2 = sum_s g(s) sum_c (u_c(i + s) - u_c(j + s))^2`` with a Gaussian g of sum 1, cut off at 3 sigma. Where
    either patch exceeds the picture, the differences are mirrored at its border.

    Args:
        image: values at all pixels, in [0, 1].
        neighbors: k, not counting the pixel itself. A picture with fewer than k other pixels in the window of a corner
            pixel gets as many as that window has.
        sigma: standard deviation of g, in pixels.
        spacing: search only for the pixels of every `spacing`-th row and column, starting at the first.

    Returns:
        The row-major indices of the neighbours and the squared distances d_ij^2, in no particular order along k, for M
        pixels: M = H W where `spacing` is 1.
    """
    height, width, _ = image.shape
    reach = (min(WINDOW_RADIUS, height - 1), min(WINDOW_RADIUS, width - 1))
    k = min(neighbors, (reach[0] + 1) * (reach[1] + 1) - 1)  # the window of a corner pixel has no more
    centers = math.ceil(height / spacing), math.ceil(width / spacing)
    distances, ids = np.full((k, *centers), np.inf, np.float32), np.zeros((k, *centers), np.int64)
    # One row of shifts at a time: all 440 candidates of 256 x 256 pixels would take 330 MiB.
    for down in range(reach[0] + 1):
        everywhere = _distances_by_shift(image.astype(np.float32), down, reach[1], sigma)
        candidates = (each[:, ::spacing, ::spacing] for each in everywhere)
        distances, ids = (np.concatenate(pair) for pair in zip((distances, ids), candidates, strict=True))
        best = np.argpartition(distances, k - 1, axis=0)[:k]
        distances, ids = np.take_along_axis(distances, best, 0), np.take_along_axis(ids, best, 0)
    return ids.reshape(k, -1), distances.reshape(k, -1)


def _distances_by_shift(
    image: Image, down: int, reach: int, sigma: float
) -> tuple[Float[np.ndarray, "n H W"], Int[np.ndarray, "n H W"]]:
    """Compute the squared patch distances of all pixels to those `down` rows below and above.

    Args:
        image: values at all pixels.
        down: number of rows between a pixel and its candidates, >= 0.
        reach: the largest number of columns between them.
        sigma: standard deviation of the patch weights, in pixels.

    Returns:
        For each of n shifts the squared distance, inf where the candidate is outside of the picture, and the
        candidate's row-major index.
    """
    from scipy.ndimage import gaussian_filter

    height, width, _ = image.shape
    # As d_ij = d_ji, a shift and its opposite share one filter; within a row, the shifts to the right are enough.
    columns = range(-reach if down else 1, reach + 1)
    distances = np.full((len(columns), 2, height, width), np.inf, np.float32)
    ids = np.zeros((len(columns), 2, height, width), np.int64)
    index = np.arange(height * width).reshape(height, width)
    for n, right in enumerate(columns):
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width - max(0, -right))
        squared = np.square(image[here] - image[there]).sum(-1)
        # For one shift, the distances of all pixels are one convolution of the squared differences.
        distance = gaussian_filter(squared, sigma, truncate=3)
        distances[n, 0][here], ids[n, 0][here] = distance, index[there]
        distances[n, 1][there], ids[n, 1][there] = distance, index[here]
    return distances.reshape(-1, height, width), ids.reshape(-1, height, width)


def reconstruction_weights(image: Image, sigma: float = SIGMA) -> "scipy.sparse.csr_array":
    r"""Compute the matrix W whose rows reconstruct every patch from the 12 most similar ones.

    Row i minimises ``|P_i - sum_j w_j P_j|_g^2 + r |w|^2`` subject to ``sum_j w_j = 1``, where P_i is the patch around
    pixel i and g its Gaussian weights: ``w ~ (C + r I)^-1 1`` with ``C_jl = <P_j - P_i, P_l - P_i>_g`` and
    ``r = tr(C) / k``.

    Args:
        image: values at all pixels, in [0, 1]; channels share the weights.
        sigma: standard deviation of g, in pixels.

    Returns:
        W [N, N], sparse, with 12 entries in each row (fewer in a tiny picture), which sum to 1.
    """
    from scipy.sparse import csr_array

    ids, _ = nearest_patches(image, sigma=sigma)
    k, count = ids.shape
    patches = _patches(image, sigma)
    weights = np.empty((count, k))
    for first in range(0, count, PIXELS_AT_ONCE):
        some = slice(first, first + PIXELS_AT_ONCE)
        misfits = patches[ids[:, some].T] - patches[some, None]
        gram = (misfits @ misfits.swapaxes(1, 2)).astype(np.float64)
        # Without a ridge, the weights would also reproduce the noise and the errors of the estimate.
        ridge = RIDGE * np.trace(gram, axis1=1, axis2=2) / k + MIN_SQUARED_DISTANCE
        solved = np.linalg.solve(gram + ridge[:, None, None] * np.eye(k), np.ones((len(gram), k, 1)))[..., 0]
        weights[some] = solved / solved.sum(1, keepdims=True)
    rows = np.broadcast_to(np.arange(count)[:, None], weights.shape)
    return csr_array((weights.ravel(), (rows.ravel(), ids.T.ravel())), shape=(count, count))


def _patches(image: Image, sigma: float) -> Float[np.ndarray, "N P"]:
    """Return the patch around every pixel, mirrored at the border and multiplied by the square root of g.

    The inner product of two rows is then <P_i, P_j>_g.
    """
    reach = math.ceil(PATCH_REACH * sigma)
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    roots = np.sqrt(np.outer(gaussian, gaussian)) / gaussian.sum()
    padded = np.pad(image.astype(np.float32), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    side = 2 * reach + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return (windows * roots.astype(np.float32)).reshape(-1, image.shape[-1] * side**2)


def laplacian(image: Image, sigma: float = SIGMA) -> "scipy.sparse.csr_array":
    """Compute ``L = (I - W)^T (I - W) + 0.01 L_grid`` from the patches of a picture.

    Args:
        image: values at all pixels, in [0, 1].
        sigma: standard deviation of the patch weights, in pixels; see `reconstruction_weights`.

    Returns:
        L [N, N], sparse, symmetric, positive semi-definite; only constant pictures have the energy zero.
    """
    from scipy.sparse import csgraph, eye_array

    residual = eye_array(image.shape[0] * image.shape[1], format="csr") - reconstruction_weights(image, sigma)
    return (residual.T @ residual + GRID_WEIGHT * csgraph.laplacian(grid_affinity(image.shape[:2]))).tocsr()


def grid_affinity(shape: tuple[int, int]) -> "scipy.sparse.csr_array":
    """Return the affinity matrix [N, N] of a grid [H, W]: one between 4-neighbours, zero elsewhere."""
    from scipy.sparse import csr_array

    # SciPy's LaplacianNd is not used, as it is wrong for grids with a side of one pixel.
    index = np.arange(np.prod(shape)).reshape(shape)
    here = np.concatenate([index[:-1].ravel(), index[:, :-1].ravel()])
    there = np.concatenate([index[1:].ravel(), index[:, 1:].ravel()])
    affinity = csr_array((np.ones(here.size), (here, there)), shape=(index.size, index.size))
    return affinity + affinity.T


def interpolate(
    laplacian: "scipy.sparse.csr_array",
    image: Image,
    mask: Mask,
    start: Image,
) -> Float[np.ndarray, "H W C"]:
    """Return the picture of least energy u^T L u that equals the observed values where these are known.

    With L split into missing (m) and observed (o) pixels, ``L_mm u_m = -L_mo u_o`` is solved channel by channel with
    conjugate gradients. As the rows of L sum to zero, the solution commutes with affine maps of the values.

    Args:
        laplacian: L [N, N], as returned by the function `laplacian`.
        image: u_o at observed pixels; finite, but otherwise ignored, at missing ones.
        mask: True at observed pixels; at least one is.
        start: the first guess of u_m at missing pixels.

    Returns:
        The minimiser in float64, not clipped to [0, 1].
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import cg

    missing, channels = ~mask.ravel(), image.shape[-1]
    rows = laplacian[missing]
    inner, right_side = rows[:, missing], -rows[:, ~missing] @ image[mask].astype(np.float64)
    preconditioner = diags_array(1 / inner.diagonal())
    filled = image.astype(np.float64).reshape(-1, channels)
    for channel, guess in enumerate(start[~mask].astype(np.float64).T):
        filled[missing, channel], _ = cg(inner, right_side[:, channel], guess, rtol=CG_TOLERANCE, M=preconditioner)
    return filled.reshape(image.shape)
