r"""The energy of the graph that joins every pixel of a picture to the pixels with the most similar patches.

Whole rows of a photograph are seldom alike, but small patches are. As in locally linear embedding (Roweis and Saul,
Science 2000), every pixel is approximated by a combination of its neighbours in the graph, with the weights that
reconstruct its patch from theirs:

    u_i ~ sum_j W_ij u_j,   sum_j W_ij = 1.

The residuals define the energy of a picture u,

    u^T L u = |(I - W) u|^2 + epsilon u^T L_grid u = |S u|^2,

with one row of S for each pixel and for each edge of the grid. L = S^T S is symmetric and positive semi-definite, and
its rows sum to zero: it is a graph Laplacian whose weights may be negative, computed from an estimate of the picture
itself. L is never formed, because it has ten times the entries of S. Rows that involve no missing pixel do not
influence what is missing, and are not computed; neither are those of pixels that are far from all missing ones.

Pixels are in row-major order: N = H W nodes. SciPy is imported inside the functions, so that a fit that uses no graph
starts sooner.
"""

import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from inrr_jax.priors import normal
from inrr_jax.priors.patch_search import ahead, nearest_patches, round_up
from inrr_jax.types import Image, Mask

# Where no other reason is given, the values were chosen on scikit-image's pictures (see docs/quality.md).
NEIGHBORS = 12
# Pixels: observed pixels at a larger distance from all missing ones have no rows, although a missing pixel may be among
# their neighbours. This saves a third of the time under scratches, where recoveries change by less than 0.2 dB. Fills
# of thick strokes and holes change by up to 1.4 dB in either direction, and gain 0.2 dB on average (docs/quality.md).
NEAR = 3
SIGMA = 3.0  # pixels: standard deviation of the Gaussian weights inside a patch
FINE_SIGMA = 1.5  # pixels: the same for small patches, of which more resemble each other
# Half the side of a patch in units of sigma, where weights are solved for: 11 x 11 and 7 x 7 pixels for the two sigmas.
PATCH_REACH = 5 / 3
RIDGE = 1.0  # in units of the mean squared distance of the neighbours' patches
GRID_WEIGHT = 0.01  # epsilon: small, as the grid only has to connect pixels that no patch connects
MIN_SQUARED_DISTANCE = 1e-6  # squared grey value: keeps scales and ridges positive where patches are equal
CG_TOLERANCE = 1e-4  # relative residual at which conjugate gradients stop, after 10 to 20 steps as a rule
CG_STEPS = 1000  # after which they stop in any case
TINY = 1e-300  # keeps quotients of what is zero defined
# The differences of 11 x 11 pixels to 12 neighbours take 64 * 12 * 121 * 4 bytes = 363 KiB for each channel, which fits
# into a processor's cache. One call solves for several such groups.
PIXELS_AT_ONCE, GROUPS = 64, 16


def neighbors_of_missing(
    image: Image, mask: Mask, neighbors: int, sigma: float
) -> tuple[Int[np.ndarray, "M"], Int[np.ndarray, "k M"], Float[np.ndarray, "k M"]]:
    """Find the nearest patches of every pixel that is missing, or near a missing one and has one among its k nearest.

    Args:
        image: values at all pixels, in [0, 1].
        mask: True at observed pixels.
        neighbors: k.
        sigma: standard deviation of the patch weights, in pixels.

    Returns:
        The row-major indices of these M pixels, those of their neighbours, and the squared patch distances; see
        `nearest_patches`.
    """
    from scipy.ndimage import maximum_filter

    near = maximum_filter(~mask, 2 * NEAR + 1, mode="constant")
    ids, distances = nearest_patches(image, neighbors, sigma, where=near)
    missing, pixels = ~mask.ravel(), np.flatnonzero(near)
    involved = missing[pixels] | missing[ids].any(0)
    return pixels[involved], ids[:, involved], distances[:, involved]


def residual_rows(image: Image, mask: Mask, sigma: float = SIGMA) -> "scipy.sparse.csr_array":
    r"""Compute S: the rows of I - W and of the grid's differences in which a missing pixel takes part.

    Row i of W minimises ``|P_i - sum_j w_j P_j|_g^2 + r |w|^2`` subject to ``sum_j w_j = 1``, where P_i is the patch
    around pixel i and g its Gaussian weights, and j runs over the 12 most similar patches: ``w ~ (C + r I)^-1 1`` with
    ``C_jl = <P_j - P_i, P_l - P_i>_g`` and ``r = tr(C) / k``.

    Args:
        image: values at all pixels, in [0, 1]; channels share the weights.
        mask: True at observed pixels.
        sigma: standard deviation of g, in pixels.

    Returns:
        S [n, N], sparse, float64. Its rows sum to zero.
    """
    from scipy.sparse import csr_array, vstack

    pixels, ids, _ = neighbors_of_missing(image, mask, NEIGHBORS, sigma)
    joined = np.column_stack([pixels, ids.T])
    weights = _reconstruction_weights(image, joined, sigma)
    k = weights.shape[1]
    entries = np.concatenate([np.ones((len(pixels), 1)), -weights], axis=1)
    starts = np.arange(len(pixels) + 1) * (k + 1)
    residuals = csr_array((entries.ravel(), joined.ravel(), starts), shape=(len(pixels), mask.size))
    edges = np.stack(grid_edges(mask), axis=1)
    roots = np.tile([math.sqrt(GRID_WEIGHT), -math.sqrt(GRID_WEIGHT)], (len(edges), 1))
    starts = np.arange(len(edges) + 1) * 2
    differences = csr_array((roots.ravel(), edges.ravel(), starts), shape=(len(edges), mask.size))
    return vstack([residuals, differences], format="csr")


def _reconstruction_weights(image: Image, joined: Int[np.ndarray, "M n"], sigma: float) -> Float[np.ndarray, "M k"]:
    """Return the weights that reconstruct the first patch of every row from its k = n - 1 others, with sum 1."""
    reach, channels = math.ceil(PATCH_REACH * sigma), image.shape[-1]
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    roots = np.tile((np.sqrt(np.outer(gaussian, gaussian)) / gaussian.sum()).ravel(), channels).astype(np.float32)
    padded = np.pad(image.astype(np.float32), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    # The index of a pixel is that of its patch's first pixel in the padded picture, from where the others are at fixed
    # distances in memory.
    corners = np.ravel_multi_index(np.divmod(joined, image.shape[1]), padded.shape[:2]).astype(np.int32)
    starts, line = np.arange(channels) * padded[..., 0].size, np.arange(2 * reach + 1)
    offsets = (starts[:, None, None] + line[:, None] * padded.shape[1] + line).ravel().astype(np.int32)
    # Pictures of similar sizes share a program.
    values = jnp.asarray(np.pad(np.moveaxis(padded, -1, 0).ravel(), (0, round_up(padded.size) - padded.size)))
    weights, size = np.empty((len(joined), joined.shape[1] - 1)), GROUPS * PIXELS_AT_ONCE

    def solved() -> Iterator[tuple[int, Float[Array, "b k"]]]:
        for first in range(0, len(joined), size):
            # The last part is filled up, as another size would be compiled again.
            some = np.arange(first, first + size) % len(joined)
            yield first, _solve(values, corners[some], offsets, roots)

    for first, some in ahead(solved()):
        weights[first : first + size] = np.asarray(some)[: len(joined) - first]
    return weights / weights.sum(1, keepdims=True)


@jax.jit
def _solve(
    values: Float[Array, "V"],
    corners: Int[Array | np.ndarray, "M n"],
    offsets: Int[Array | np.ndarray, "P"],
    roots: Float[Array | np.ndarray, "P"],
) -> Float[Array, "M k"]:
    """Return the solutions of ``(C + r I) w = 1``, scaled to a sum of about 1, C + r I being well conditioned by its r.

    Args:
        values: of the padded picture, one channel after another.
        corners: the first pixels of the patch of a pixel, and of the k = n - 1 that it is reconstructed from.
        offsets: of the values of a patch from its first one.
        roots: the square roots of g.
    """
    k = corners.shape[1] - 1

    def patches(corners: Int[Array, "m j"]) -> Float[Array, "m j P"]:
        return values.at[corners[:, :, None] + offsets[None, None]].get(mode="promise_in_bounds")

    def some(corners: Int[Array, "m n"]) -> Float[Array, "m k"]:
        misfits = (patches(corners[:, 1:]) - patches(corners[:, :1])) * roots[None, None]
        gram = jnp.einsum("mkp,mlp->mkl", misfits, misfits, precision="highest")
        # Without a ridge, the weights would also reproduce the noise and the errors of the estimate.
        ridge = RIDGE * jnp.trace(gram, axis1=1, axis2=2) / k + MIN_SQUARED_DISTANCE
        # With the covariance C and noise of variance r, ones are expected to be C (C + r I)^-1 1.
        ones = jnp.ones((1, k, len(gram)))
        expected, _ = normal.given(jnp.moveaxis(gram, 0, -1), ones, ones[0], ridge)
        solved = (1 - expected[0]).T
        return solved / solved.sum(1, keepdims=True)

    return lax.map(some, corners.reshape(-1, PIXELS_AT_ONCE, k + 1)).reshape(-1, k)


def grid_edges(mask: Mask) -> tuple[Int[np.ndarray, "E"], Int[np.ndarray, "E"]]:
    """Return the row-major indices of both ends of the edges between 4-neighbours of which at least one is missing."""
    index, missing = np.arange(mask.size).reshape(mask.shape), ~mask
    down, right = missing[:-1] | missing[1:], missing[:, :-1] | missing[:, 1:]
    here = np.concatenate([index[:-1][down], index[:, :-1][right]])
    there = np.concatenate([index[1:][down], index[:, 1:][right]])
    return here, there


def grid_affinity(mask: Mask) -> "scipy.sparse.csr_array":
    """Return the rows of the M missing pixels in the affinity matrix [M, N] of the grid: one between 4-neighbours."""
    from scipy.sparse import csr_array

    here, there = grid_edges(mask)
    rows, columns = np.concatenate([here, there]), np.concatenate([there, here])
    missing = ~mask.ravel()
    number, used = np.cumsum(missing) - 1, missing[rows]
    shape = (int(missing.sum()), mask.size)
    return csr_array((np.ones(int(used.sum())), (number[rows[used]], columns[used])), shape=shape)


def interpolate(
    rows: "scipy.sparse.csr_array",
    image: Image,
    mask: Mask,
    start: Image,
) -> Float[np.ndarray, "H W C"]:
    """Return the picture of least energy |S u|^2 that equals the observed values where these are known.

    With S split into the columns of missing (m) and observed (o) pixels, ``S_m^T S_m u_m = -S_m^T S_o u_o`` is solved
    with conjugate gradients, preconditioned by the diagonal. As the rows of S sum to zero, the solution commutes with
    affine maps of the values.

    Args:
        rows: S [n, N], as `residual_rows` returns it.
        image: u_o at observed pixels; finite, but otherwise ignored, at missing ones.
        mask: True at observed pixels; at least one is.
        start: the first guess of u_m at missing pixels.

    Returns:
        The minimiser in float64, not clipped to [0, 1].
    """
    missing, channels = ~mask.ravel(), image.shape[-1]
    inner = rows[:, missing]
    transposed = inner.T.tocsr()
    filled = np.where(mask[..., None], image, 0).astype(np.float64).reshape(-1, channels)
    right_side = -transposed @ (rows @ filled)
    diagonal = (transposed**2).sum(axis=1)
    guess = start[~mask].astype(np.float64)
    filled[missing] = _conjugate_gradients(lambda u: transposed @ (inner @ u), diagonal, right_side, guess)
    return filled.reshape(image.shape)


def _conjugate_gradients(
    product: Callable[[Float[np.ndarray, "M C"]], Float[np.ndarray, "M C"]],
    diagonal: Float[np.ndarray, "M"],
    right_side: Float[np.ndarray, "M C"],
    guess: Float[np.ndarray, "M C"],
) -> Float[np.ndarray, "M C"]:
    """Solve A u = b for all columns of b together, preconditioned by the diagonal of A.

    SciPy's function solves for one column, and spends more time in its scalar products than in those with A, which read
    the sparse matrix once for all columns here.
    """

    def dot(a, b):
        return np.einsum("mc,mc->c", a, b)

    solution, remaining = guess, right_side - product(guess)
    limit = CG_TOLERANCE**2 * dot(right_side, right_side)
    direction, before = np.zeros_like(guess), np.ones(guess.shape[1])
    for _ in range(CG_STEPS):
        if (dot(remaining, remaining) <= limit).all():
            break
        scaled = remaining / diagonal[:, None]
        now = dot(remaining, scaled)
        direction = scaled + now / before * direction
        image = product(direction)
        # A column that is solved exactly has no direction left.
        step = now / np.maximum(dot(direction, image), TINY)
        solution, remaining, before = solution + step * direction, remaining - step * image, np.maximum(now, TINY)
    return solution
