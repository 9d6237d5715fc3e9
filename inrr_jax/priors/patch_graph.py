r"""The graph of a picture's pixels that its own patches span: who looks like whom, and in what proportion.

Whole rows of a photograph are seldom alike; small patches are. Every pixel is joined to the pixels whose patches look
most like its own, and is written as a combination of these,

    u_i ~ sum_j W_ij u_j,   sum_j W_ij = 1,

by the weights that rebuild its whole patch from theirs (Roweis and Saul, Science 2000). What is left over has the
energy u^T L u with

    L = (I - W)^T (I - W) + epsilon L_grid,

positive semi-definite with rows that sum to zero: a Laplacian made of the estimate itself. Host code, in NumPy and
SciPy.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

Image = Float[np.ndarray, "H W C"]
Mask = Bool[np.ndarray, "H W"]
Sparse = "scipy.sparse.csr_array"

NEIGHBORS = 12
SIGMA = 3.0  # pixels: of the patch's Gaussian weight
FINE = 1.5  # pixels: the same of small patches, of which more look alike
REACH = 5 / 3  # sigma from the centre of a patch to its sides
RADIUS = 10  # pixels: a window of 21 x 21
RIDGE = 1.0  # in units of the mean squared misfit of a neighbour's patch
GRID = 0.01  # epsilon: weight of the four grid neighbours, which joins what no patch joins
EQUAL = 1e-6  # squared grey value: patches closer than this are equal
TOLERANCE = 1e-4  # relative residual that ends the conjugate gradients
PIXELS_AT_ONCE = 8192  # whose patches are held in memory


def nearest(
    image: Image, neighbors: int = NEIGHBORS, sigma: float = SIGMA, spacing: int = 1
) -> tuple[Int[np.ndarray, "k N"], Float[np.ndarray, "k N"]]:
    """Find every pixel's k nearest patches within 10 pixels along either axis, fewer in a picture that has fewer.

    ``d_ij^2 = sum_s g(s) sum_c (u_c(i + s) - u_c(j + s))^2`` with a Gaussian g of sum 1; where either patch leaves the
    picture, the differences are mirrored.

    Args:
        image: values everywhere, in [0, 1].
        neighbors: k, without the pixel itself.
        sigma: of g, in pixels.
        spacing: only for every so many-th row and column, from the first.

    Returns:
        The neighbours' row-major indices and the squared distances, in no particular order.
    """
    height, width, _ = image.shape
    reach = (min(RADIUS, height - 1), min(RADIUS, width - 1))
    k = min(neighbors, (reach[0] + 1) * (reach[1] + 1) - 1)  # a corner pixel has no more
    asked = math.ceil(height / spacing), math.ceil(width / spacing)
    distances, ids = np.full((k, *asked), np.inf, np.float32), np.zeros((k, *asked), np.int64)
    for down in range(reach[0] + 1):
        everywhere = _candidates(image.astype(np.float32), down, reach[1], sigma)
        candidates = (each[:, ::spacing, ::spacing] for each in everywhere)
        distances, ids = (np.concatenate(pair) for pair in zip((distances, ids), candidates, strict=True))
        best = np.argpartition(distances, k - 1, axis=0)[:k]
        distances, ids = np.take_along_axis(distances, best, 0), np.take_along_axis(ids, best, 0)
    return ids.reshape(k, -1), distances.reshape(k, -1)


def _candidates(
    image: Image, down: int, reach: int, sigma: float
) -> tuple[Float[np.ndarray, "n H W"], Int[np.ndarray, "n H W"]]:
    """Compute distances and indices for all shifts by `down` rows, and back: d_ij = d_ji; inf outside."""
    from scipy.ndimage import gaussian_filter

    height, width, _ = image.shape
    columns = range(-reach if down else 1, reach + 1)  # within a row, only to the right
    distances = np.full((len(columns), 2, height, width), np.inf, np.float32)
    ids = np.zeros((len(columns), 2, height, width), np.int64)
    index = np.arange(height * width).reshape(height, width)
    for n, right in enumerate(columns):
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width - max(0, -right))
        squared = np.square(image[here] - image[there]).sum(-1)
        distance = gaussian_filter(squared, sigma, truncate=3)
        distances[n, 0][here], ids[n, 0][here] = distance, index[there]
        distances[n, 1][there], ids[n, 1][there] = distance, index[here]
    return distances.reshape(-1, height, width), ids.reshape(-1, height, width)


def combination(image: Image, sigma: float = SIGMA) -> "scipy.sparse.csr_array":  # noqa: F821
    r"""Compute the weights W that rebuild every patch from its nearest ones.

    Row i minimises ``|P_i - sum_j w_j P_j|_g^2 + r |w|^2`` over the weights of sum 1, with the patches' Gaussian g:
    ``w ~ (C + r I)^-1 1`` with ``C_jl = <P_j - P_i, P_l - P_i>_g`` and r = tr(C) / k. The ridge keeps weights from
    rebuilding the noise and the errors of the estimate too.

    Args:
        image: values everywhere, in [0, 1]; channels share the weights.
        sigma: of g, in pixels.

    Returns:
        W [H W, H W], of 12 entries in each row, which sum to 1; pixels in row-major order.
    """
    from scipy.sparse import csr_array

    ids, _ = nearest(image, sigma=sigma)
    k, count = ids.shape
    patches = _patches(image, sigma)
    weights = np.empty((count, k))
    for first in range(0, count, PIXELS_AT_ONCE):
        some = slice(first, first + PIXELS_AT_ONCE)
        misfits = patches[ids[:, some].T] - patches[some, None]
        gram = (misfits @ misfits.swapaxes(1, 2)).astype(np.float64)
        ridge = RIDGE * np.trace(gram, axis1=1, axis2=2) / k + EQUAL
        solved = np.linalg.solve(gram + ridge[:, None, None] * np.eye(k), np.ones((len(gram), k, 1)))[..., 0]
        weights[some] = solved / solved.sum(1, keepdims=True)
    rows = np.broadcast_to(np.arange(count)[:, None], weights.shape)
    return csr_array((weights.ravel(), (rows.ravel(), ids.T.ravel())), shape=(count, count))


def _patches(image: Image, sigma: float) -> Float[np.ndarray, "N P"]:
    """Return every pixel's patch times the root of its Gaussian weights, mirrored at the border."""
    reach = math.ceil(REACH * sigma)
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    roots = np.sqrt(np.outer(gaussian, gaussian)) / gaussian.sum()
    padded = np.pad(image.astype(np.float32), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    side = 2 * reach + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return (windows * roots.astype(np.float32)).reshape(-1, image.shape[-1] * side**2)


def laplacian(image: Image, sigma: float = SIGMA) -> "scipy.sparse.csr_array":  # noqa: F821
    """Compute L = (I - W)^T (I - W) + 0.01 L_grid of a picture, [H W, H W]; see `combination`."""
    from scipy.sparse import csgraph, eye_array

    left_over = eye_array(image.shape[0] * image.shape[1], format="csr") - combination(image, sigma)
    return (left_over.T @ left_over + GRID * csgraph.laplacian(grid_affinity(image.shape[:2]))).tocsr()


def grid_affinity(shape: tuple[int, int]) -> "scipy.sparse.csr_array":  # noqa: F821
    """Join 4-neighbours with weight one. SciPy's LaplacianNd would do, but errs where a side is one pixel."""
    from scipy.sparse import csr_array

    index = np.arange(np.prod(shape)).reshape(shape)
    here = np.concatenate([index[:-1].ravel(), index[:, :-1].ravel()])
    there = np.concatenate([index[1:].ravel(), index[:, 1:].ravel()])
    affinity = csr_array((np.ones(here.size), (here, there)), shape=(index.size, index.size))
    return affinity + affinity.T


def extend(
    laplacian: "scipy.sparse.csr_array",  # noqa: F821
    image: Image,
    mask: Mask,
    start: Image,
) -> Float[np.ndarray, "H W C"]:
    """Continue the observed values by the least energy u^T L u, u held where observed: L_mm u_m = -L_mo u_o.

    By conjugate gradients, with the diagonal of L for a preconditioner. As rows of L sum to zero, it commutes with
    affine maps of the values.

    Args:
        laplacian: as `laplacian` makes it.
        image: what counts where observed.
        mask: True = observed.
        start: a first guess.

    Returns:
        The minimiser, not clipped, equal to `image` where observed.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import cg

    missing, channels = ~mask.ravel(), image.shape[-1]
    rows = laplacian[missing]
    inner, pull = rows[:, missing], -rows[:, ~missing] @ image[mask].astype(np.float64)
    precondition = diags_array(1 / inner.diagonal())
    filled = image.astype(np.float64).reshape(-1, channels)
    for channel, guess in enumerate(start[~mask].astype(np.float64).T):
        filled[missing, channel], _ = cg(inner, pull[:, channel], guess, rtol=TOLERANCE, M=precondition)
    return filled.reshape(image.shape)
