"""Fills by diffusion: the harmonic and the biharmonic equation, and the sparse solver of quadratic graph energies.

Arrays of pixels are in row-major order: N = H W nodes.
"""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.priors import patch_graph
from inrr_jax.types import Image, Mask


@keeping_observed
def harmonic(image: Image, mask: Mask) -> Image:
    """Solve the discrete Laplace equation with the observed pixels as boundary values.

    ``sum over the 4-neighbours j of i of (u_i - u_j) = 0`` at every missing pixel i. A pixel at the border has fewer
    neighbours, which amounts to the natural (Neumann) boundary condition. The solution minimises the sum of squared
    differences over the edges of the grid.
    """
    channels = image.reshape(-1, image.shape[-1])
    return minimize_dirichlet(patch_graph.grid_affinity(mask), channels, mask.ravel()).reshape(image.shape)


@keeping_observed
def biharmonic(image: Image, mask: Mask) -> Image:
    """Solve the biharmonic equation (Damelin and Hoang, 2018) with scikit-image's `inpaint_biharmonic`."""
    from skimage.restoration import inpaint_biharmonic

    return inpaint_biharmonic(image, ~mask, channel_axis=-1)


def minimize_dirichlet(
    affinity: "scipy.sparse.csr_array",
    values: Float[np.ndarray, "N C"],
    observed: Bool[np.ndarray, "N"],
) -> Float[np.ndarray, "N C"]:
    """Minimise the Dirichlet energy ``1/2 sum_ij a_ij |u_i - u_j|^2`` with u held at the observed nodes.

    With the graph Laplacian ``L = D - A`` split into missing (m) and observed (o) nodes, the minimiser solves
    ``L_mm u_m = -L_mo u_o``. A direct sparse solver is used.

    Args:
        affinity: [M, N], the rows of the missing nodes in the symmetric matrix A, entries >= 0. Every missing node must
            be connected to an observed one by a path, or L_mm is singular.
        values: u_o at the observed nodes; the other entries are ignored.
        observed: True at the nodes that are held.

    Returns:
        The minimiser, equal to `values` at observed nodes.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import spsolve

    filled = values.copy()
    right_side = affinity[:, observed] @ values[observed]
    laplacian = diags_array(affinity.sum(axis=1)) - affinity[:, ~observed]
    # SciPy's spsolve returns a vector where there is one channel.
    filled[~observed] = spsolve(laplacian.tocsc(), right_side).reshape(right_side.shape)
    return filled
