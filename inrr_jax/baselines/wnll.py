"""The weighted nonlocal Laplacian (WNLL) on a graph of similar patches (Shi, Osher, Zhu, J. Sci. Comput. 2017).

Every pixel is a node, joined to the pixels with the most similar patches, so that a texture is continued from other
places where it occurs. Arrays of pixels are in row-major order: N = H W nodes.
"""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.baselines.diffusion import harmonic, minimize_dirichlet
from inrr_jax.priors import patch_graph
from inrr_jax.types import Image, Mask

# The first three were chosen on scikit-image's astronaut, camera, chelsea and coins (see docs/quality.md).
NEIGHBORS = 6
SIGMA = 2.25  # pixels: standard deviation of the patch's Gaussian weights
ROUNDS = 4  # of building the graph from the estimate, and the estimate on the graph
# Affinity of 4-neighbours on the grid. Patch affinities are up to 1, so it matters only where these are missing.
GRID_WEIGHT = 0.01


@keeping_observed
def wnll(image: Image, mask: Mask, rounds: int = ROUNDS, start: Image | None = None) -> Image:
    """Fill with the weighted nonlocal Laplacian on a graph of patches.

    The first estimate is `start`, or the harmonic fill. Each of the rounds builds the graph from the current estimate
    (`wnll_affinity`) and solves for the missing pixels on it (`minimize_wnll`). Channels share the graph.
    """
    channels, observed = image.reshape(-1, image.shape[-1]), mask.ravel()
    estimate = harmonic(image, mask) if start is None else start
    for _ in range(rounds):
        estimate = minimize_wnll(wnll_affinity(estimate, mask), channels, observed).reshape(image.shape)
    return estimate


def wnll_affinity(image: Image, mask: Mask) -> "scipy.sparse.csr_array":
    """Return the affinities of missing pixels: `patch_affinity` plus 0.01 of the grid's affinity.

    The edges of the grid connect the whole graph. Without them, a group of missing pixels whose patches resemble only
    each other would make the linear system singular.

    Args:
        image: values at all pixels, in [0, 1].
        mask: True at observed pixels.

    Returns:
        The rows of the M missing pixels in the affinity matrix: [M, N] sparse, entries in [0, 1.01].
    """
    return patch_affinity(image, mask) + GRID_WEIGHT * patch_graph.grid_affinity(mask)


def patch_affinity(image: Image, mask: Mask) -> "scipy.sparse.csr_array":
    """Compute the affinities between missing pixels and those with the most similar patches.

    ``a_ij = exp(-d_ij^2 / s_i)`` for the 6 pixels j of a 21 x 21 window around i with the smallest patch distances d_ij
    (see `patch_graph.nearest_patches`), and zero otherwise. The local scale s_i is the mean of the six d_ij^2. The
    result is made symmetric as ``(A + A^T) / 2``.

    Args:
        image: values at all pixels, in [0, 1].
        mask: True at observed pixels.

    Returns:
        The rows of the M missing pixels in the affinity matrix: [M, N] sparse, entries in [0, 1].
    """
    from scipy.sparse import csr_array

    pixels, ids, distances = patch_graph.neighbors_of_missing(image, mask, NEIGHBORS, SIGMA)
    # In a constant region all distances are zero, and so would be the scale.
    scale = np.maximum(distances.mean(0), patch_graph.MIN_SQUARED_DISTANCE)
    weights = np.exp(-distances / scale).astype(np.float64)
    rows = np.broadcast_to(pixels, ids.shape)
    affinity = csr_array((weights.ravel(), (rows.ravel(), ids.ravel())), shape=(mask.size, mask.size))
    missing = ~mask.ravel()
    return (affinity[missing] + affinity[:, missing].T.tocsr()) / 2


def minimize_wnll(
    affinity: "scipy.sparse.csr_array",
    values: Float[np.ndarray, "N C"],
    observed: Bool[np.ndarray, "N"],
) -> Float[np.ndarray, "N C"]:
    """Minimise the WNLL energy with u held at the observed nodes.

    ``sum over missing-missing edges of a_ij |u_i - u_j|^2 + mu * the same sum over observed-missing edges``, with
    ``mu = N / number of observed nodes``. The factor mu keeps few observed nodes from being outweighed by
    many missing ones.

    Every edge counts once. The paper sums over ordered pairs of nodes, which gives (1 + mu) / 2 instead of mu; the
    recoveries differ by 0.05 dB.

    Args:
        affinity: [M, N], the rows of the missing nodes in the symmetric affinity matrix, entries >= 0. Every missing
            node must be connected to an observed one by a path.
        values: u at the observed nodes; the other entries are ignored.
        observed: True at the nodes that are held.

    Returns:
        The minimiser, equal to `values` at observed nodes.
    """
    edges = affinity.tocoo()
    edges.data = edges.data * np.where(observed[edges.col], observed.size / observed.sum(), 1)
    return minimize_dirichlet(edges.tocsr(), values, observed)
