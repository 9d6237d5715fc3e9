"""Classical fills: what a user would otherwise use, and what any learned recovery has to beat.

Every fill maps ``(image [H, W, C], mask [H, W]) -> float32 [H, W, C]``: the image is in [0, 1], the mask is True
where observed. Observed entries come back unchanged; missing ones are clipped to [0, 1], and what the image holds
there is never looked at: it may be NaN. A mask without an observed pixel raises `UserError`.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.errors import UserError
from inrr_jax.priors import patch_graph

Image = Float[np.ndarray, "H W C"]
Mask = Bool[np.ndarray, "H W"]
Fill = Callable[[Image, Mask], Image]

TV_ITERATIONS = 1000
# Images in [0, 1] move less than dual variables in [-1, 1]; 0.02 closes the gap soonest of 0.02, 0.05 and 0.2.
TV_PRIMAL_STEP = 0.02

SOFT_IMPUTE_PATH = np.geomspace(0.5, 0.005, 12)  # thresholds in units of the largest singular value
SOFT_IMPUTE_STEPS = 40  # at most, per threshold
SOFT_IMPUTE_TOLERANCE = 1e-3  # relative change that ends a threshold

WNLL_NEIGHBORS = 6
WNLL_SIGMA = 2.25  # pixels: the patch's Gaussian weight
WNLL_ROUNDS = 4
WNLL_GRID = 0.01  # weight of the four grid neighbours: joins parts that no patch edge joins to an observed pixel

LINEAR_ROUNDS = 4


def _keeping_observed(solve: Fill) -> Fill:
    """Give a solver, which sees zeros at missing pixels and float64, the contract of the module."""

    @functools.wraps(solve)
    def fill(image: Image, mask: Mask) -> Image:
        image, mask = np.asarray(image), np.asarray(mask)
        if not mask.any():
            raise UserError(f"a mask of shape {mask.shape} without an observed pixel: mark at least one as True")
        if mask.all():
            return image.astype(np.float32)
        observed = mask[..., None]
        filled = solve(np.where(observed, image, 0).astype(np.float64), mask)
        return np.where(observed, image, np.clip(filled, 0, 1)).astype(np.float32)

    return fill


@_keeping_observed
def linear(image: Image, mask: Mask) -> Image:
    """Fill linearly over the Delaunay triangles of the observed pixels, by the nearest one outside their hull."""
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    points, missing = np.argwhere(mask), np.argwhere(~mask)
    values = NearestNDInterpolator(points, image[mask])(missing)
    try:
        inside = LinearNDInterpolator(points, image[mask])(missing)
    except QhullError:  # all observed pixels on one line: no triangle
        inside = np.full_like(values, np.nan)
    filled = image.copy()
    filled[~mask] = np.where(np.isnan(inside), values, inside)
    return filled


@_keeping_observed
def harmonic(image: Image, mask: Mask) -> Image:
    """Fill with the solution of the discrete Laplace equation, observed pixels as boundary values.

    ``sum over the 4-neighbours j of i of (u_i - u_j) = 0`` at every missing i; beyond the border there is no
    neighbour (natural boundary). It minimises the sum of squared differences over the grid's edges.
    """
    channels = image.reshape(-1, image.shape[-1])
    return minimize_dirichlet(patch_graph.grid_affinity(mask.shape), channels, mask.ravel()).reshape(image.shape)


@_keeping_observed
def biharmonic(image: Image, mask: Mask) -> Image:
    """Fill with the solution of the biharmonic equation (Damelin and Hoang, 2018), as scikit-image has it."""
    from skimage.restoration import inpaint_biharmonic

    return inpaint_biharmonic(image, ~mask, channel_axis=-1)


@_keeping_observed
def tv(image: Image, mask: Mask) -> Image:
    """Fill with least isotropic total variation, observed pixels held; see `minimize_tv`."""
    start = harmonic(image, mask)
    return np.asarray(minimize_tv(start, mask, TV_ITERATIONS)[0])


@functools.partial(jax.jit, static_argnames="iterations")
def minimize_tv(
    start: Float[Array | np.ndarray, "H W C"], mask: Bool[Array | np.ndarray, "H W"], iterations: int
) -> tuple[Float[Array, "H W C"], Float[Array, "2 H W C"]]:
    r"""Minimise the total variation ``sum_x |grad u(x)|_2`` with u held at observed pixels and in [0, 1] elsewhere.

    Primal-dual iteration of Chambolle and Pock (J. Math. Imaging Vis. 2011, algorithm 1, theta = 1). Forward
    differences, zero at the border; with several channels the norm runs over both directions and all of them
    (vectorial TV). Steps tau sigma = 1/8 <= 1 / ||grad||^2.

    Args:
        start: the observed values where `mask` is True, a guess in [0, 1] elsewhere.
        mask: True = observed.
        iterations: a fixed number; see `tv_energy_and_gap` for how far that leads.

    Returns:
        The primal image and the dual field, whose norm is at most 1 at every pixel.
    """
    start = jnp.asarray(start)

    def iterate(_, carry):
        u, extrapolated, dual = carry
        dual = dual + _gradient(extrapolated) / (8 * TV_PRIMAL_STEP)
        dual = dual / jnp.maximum(1, _pointwise_norm(dual)[None, :, :, None])
        moved = jnp.clip(u - TV_PRIMAL_STEP * _gradient_transpose(dual), 0, 1)
        moved = jnp.where(mask[..., None], start, moved)
        return moved, 2 * moved - u, dual

    u, _, dual = jax.lax.fori_loop(0, iterations, iterate, (start, start, jnp.zeros_like(_gradient(start))))
    return u, dual


def tv_energy_and_gap(
    u: Float[Array, "H W C"], dual: Float[Array, "2 H W C"], mask: Bool[Array | np.ndarray, "H W"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Compute the total variation of `u`, and by how much it may at most exceed the minimum.

    The dual value is ``sum_observed u g + sum_missing min(g, 0)`` with ``g = grad^T dual``: the least of <u, g>
    over all u in [0, 1] with the same observed values.

    Args:
        u: an image as `minimize_tv` returns it.
        dual: a field of pointwise norm at most 1.
        mask: True = observed.

    Returns:
        The energy (grey value times pixels) and the duality gap, zero exactly at the minimum.
    """
    divergence = _gradient_transpose(dual)
    energy = _pointwise_norm(_gradient(u)).sum()
    return energy, energy - jnp.where(mask[..., None], u * divergence, jnp.minimum(divergence, 0)).sum()


def _gradient(u: Float[Array, "H W C"]) -> Float[Array, "2 H W C"]:
    return jnp.stack([jnp.diff(u, axis=0, append=u[-1:]), jnp.diff(u, axis=1, append=u[:, -1:])])


def _gradient_transpose(field: Float[Array, "2 H W C"]) -> Float[Array, "H W C"]:
    (u,) = jax.linear_transpose(_gradient, field[0])(field)
    return u


def _pointwise_norm(field: Float[Array, "2 H W C"]) -> Float[Array, "H W"]:
    return jnp.sqrt(jnp.square(field).sum((0, -1)))


@_keeping_observed
def soft_impute(image: Image, mask: Mask) -> Image:
    """Fill each channel, an H x W matrix, with low rank: soft-impute (Mazumder, Hastie, Tibshirani, JMLR 2010).

    ``Z <- S_lambda(P_observed(Y) + P_missing(Z))``, S_lambda lowering every singular value by lambda, iterated for
    a falling path of lambda, each started from the last. As in the paper, Y is not centred: centring helps some
    pictures by 0.5 dB and costs others 1.8.
    """
    return np.stack([_soft_impute_matrix(channel, mask) for channel in np.moveaxis(image, -1, 0)], -1)


def _soft_impute_matrix(matrix: Float[np.ndarray, "H W"], mask: Mask) -> Float[np.ndarray, "H W"]:
    low_rank = np.zeros_like(matrix)
    for threshold in SOFT_IMPUTE_PATH * np.linalg.norm(matrix, 2):
        for _ in range(SOFT_IMPUTE_STEPS):
            previous = low_rank
            low_rank = _shrink_singular_values(np.where(mask, matrix, previous), threshold)
            if np.linalg.norm(low_rank - previous) <= SOFT_IMPUTE_TOLERANCE * np.linalg.norm(previous):
                break
    return low_rank


def _shrink_singular_values(matrix: Float[np.ndarray, "H W"], threshold: float) -> Float[np.ndarray, "H W"]:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return (left * np.maximum(values - threshold, 0)) @ right


@_keeping_observed
def telea(image: Image, mask: Mask) -> Image:
    """Fill by fast marching (Telea, J. Graphics Tools 2004), radius 3 pixels, as OpenCV has it.

    Raises:
        UserError: if OpenCV is not installed.
    """
    return _inpaint_opencv(image, mask, "INPAINT_TELEA", radius=3)


@_keeping_observed
def navier_stokes(image: Image, mask: Mask) -> Image:
    """Fill along isophotes (Bertalmio et al., CVPR 2001), radius 5 pixels, as OpenCV has it.

    Raises:
        UserError: if OpenCV is not installed.
    """
    return _inpaint_opencv(image, mask, "INPAINT_NS", radius=5)


def _inpaint_opencv(image: Image, mask: Mask, method: str, radius: int) -> Image:
    """Fill each channel by itself and in 8 bits: OpenCV's Telea diverges on float pixels (seen in 5.0.0)."""
    try:
        import cv2
    except ImportError:
        raise UserError(
            f"{method} needs OpenCV, which is not installed: run `pip install opencv-python-headless`"
        ) from None
    channels = np.moveaxis(np.round(image * 255).astype(np.uint8), -1, 0)
    missing = (~mask).astype(np.uint8)
    filled = [cv2.inpaint(np.ascontiguousarray(c), missing, radius, getattr(cv2, method)) for c in channels]
    return np.stack(filled, -1) / 255


@_keeping_observed
def locally_linear(image: Image, mask: Mask) -> Image:
    """Fill with the least energy of the graph in which patches combine linearly; see patches.py.

    Starts from the harmonic fill; each of four rounds makes the Laplacian of the current estimate and continues the
    observed values on it. Channels share the graph.
    """
    return _locally_linear(image, mask, patch_graph.SIGMA)


@_keeping_observed
def locally_linear_fine(image: Image, mask: Mask) -> Image:
    """Fill as `locally_linear` does, by patches of half the size."""
    return _locally_linear(image, mask, patch_graph.FINE)


def _locally_linear(image: Image, mask: Mask, sigma: float) -> Image:
    estimate = harmonic(image, mask)
    for _ in range(LINEAR_ROUNDS):
        estimate = np.clip(patch_graph.extend(patch_graph.laplacian(estimate, sigma), image, mask, estimate), 0, 1)
    return estimate


@_keeping_observed
def wnll(image: Image, mask: Mask) -> Image:
    """Fill with the weighted nonlocal Laplacian on a graph of patches (Shi, Osher, Zhu, J. Sci. Comput. 2017).

    Starts from the harmonic fill; each round builds the graph from the current estimate (`patch_affinity`) and
    solves on it (`minimize_wnll`). Channels share the graph.
    """
    channels, observed = image.reshape(-1, image.shape[-1]), mask.ravel()
    estimate = harmonic(image, mask)
    for _ in range(WNLL_ROUNDS):
        estimate = minimize_wnll(wnll_affinity(estimate), channels, observed).reshape(image.shape)
    return estimate


def wnll_affinity(image: Image) -> "scipy.sparse.csr_array":  # noqa: F821
    """Return `patch_affinity` and 0.01 of the grid's, which joins parts that no patch joins to an observed pixel."""
    return patch_affinity(image) + WNLL_GRID * patch_graph.grid_affinity(image.shape[:2])


def patch_affinity(image: Image) -> "scipy.sparse.csr_array":  # noqa: F821
    """Compute the affinities of every pixel with those whose patches look most alike.

    ``a_ij = exp(-d_ij^2 / s_i)`` for the 6 nearest j of i in a window of 21 x 21 pixels, made symmetric by
    ``(A + A^T) / 2``; s_i, the mean of the six d_ij^2, is the local scale.

    Args:
        image: values everywhere, in [0, 1].

    Returns:
        [H W, H W] sparse, entries in [0, 1], zero diagonal; pixels in row-major order.
    """
    from scipy.sparse import csr_array

    ids, distances = patch_graph.nearest(image, WNLL_NEIGHBORS, WNLL_SIGMA)
    scale = np.maximum(distances.mean(0), patch_graph.EQUAL)
    rows = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    weights = np.exp(-distances / scale)
    affinity = csr_array((weights.ravel(), (rows.ravel(), ids.ravel())), shape=(ids.shape[1],) * 2)
    return (affinity + affinity.T) / 2


def minimize_wnll(
    affinity: "scipy.sparse.csr_array",  # noqa: F821
    values: Float[np.ndarray, "N C"],
    observed: Bool[np.ndarray, "N"],
) -> Float[np.ndarray, "N C"]:
    """Minimise ``sum over missing-missing edges a_ij |u_i - u_j|^2 + mu * the same over observed-missing edges``.

    ``mu = N / number observed`` keeps few observed pixels from being drowned out by many missing ones. Every edge
    counts once; the paper sums over ordered pairs, which makes it (1 + mu) / 2 instead of mu (0.05 dB apart).

    Args:
        affinity: [N, N] symmetric, entries >= 0; every missing pixel is joined to an observed one by some path.
        values: what counts where observed.
        observed: True = held.

    Returns:
        The minimiser, equal to `values` where observed.
    """
    edges = affinity.tocoo()
    edges.data = edges.data * np.where(observed[edges.row] != observed[edges.col], observed.size / observed.sum(), 1)
    return minimize_dirichlet(edges.tocsr(), values, observed)


def minimize_dirichlet(
    affinity: "scipy.sparse.csr_array",  # noqa: F821
    values: Float[np.ndarray, "N C"],
    observed: Bool[np.ndarray, "N"],
) -> Float[np.ndarray, "N C"]:
    """Minimise ``1/2 sum_ij a_ij |u_i - u_j|^2``, u held at observed pixels: L_mm u_m = -L_mo u_o, solved directly.

    Args:
        affinity: [N, N] symmetric, entries >= 0; every missing pixel is joined to an observed one by some path.
        values: what counts where observed.
        observed: True = held.

    Returns:
        The minimiser, equal to `values` where observed.
    """
    from scipy.sparse.csgraph import laplacian
    from scipy.sparse.linalg import spsolve

    rows = laplacian(affinity).tocsr()[~observed]
    filled = values.copy()
    pull = -rows[:, observed] @ values[observed]
    filled[~observed] = spsolve(rows[:, ~observed].tocsc(), pull).reshape(pull.shape)
    return filled


CLASSICAL: dict[str, Fill] = {
    "linear": linear,
    "harmonic": harmonic,
    "biharmonic": biharmonic,
    "tv": tv,
    "soft_impute": soft_impute,
    "telea_r3": telea,
    "navier_stokes_r5": navier_stokes,
}
"""What a user would otherwise use; OpenCV's two are named with their radius."""

FILLS: dict[str, Fill] = {
    **CLASSICAL,
    "wnll": wnll,
    "locally_linear": locally_linear,
    "locally_linear_fine": locally_linear_fine,
}
"""All of them, those on graphs of patches too."""
