"""Inpainting by total variation (TV) minimisation, with a certificate of how close the result is to the minimum.

The energy is convex but not smooth, so it is minimised by a primal-dual iteration in JAX. Two channels or more share
one gradient norm (vectorial TV), which favours edges at the same place in all of them.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.types import Image, Mask

ITERATIONS = 1000
# tau, in units of grey value per unit of the dual variable. The primal variable has the range [0, 1], the dual one
# [-1, 1], so small primal and large dual steps are balanced: of 0.02, 0.05 and 0.2, this closes the duality gap first.
PRIMAL_STEP = 0.02
# Upper bound of ||grad||^2 for forward differences in two dimensions (Chambolle, J. Math. Imaging Vis. 2004).
GRADIENT_NORM_SQUARED = 8


@keeping_observed
def tv(image: Image, mask: Mask) -> Image:
    """Minimise isotropic total variation with observed pixels held; see `minimize_tv`."""
    # The problem is convex: the start does not change the minimum, only how near to it a fixed number of steps gets.
    start = harmonic(image, mask)
    return np.asarray(minimize_tv(start, mask, ITERATIONS)[0])


@functools.partial(jax.jit, static_argnames="iterations")
def minimize_tv(
    start: Float[Array | np.ndarray, "H W C"], mask: Bool[Array | np.ndarray, "H W"], iterations: int
) -> tuple[Float[Array, "H W C"], Float[Array, "2 H W C"]]:
    r"""Minimise ``TV(u) = sum_x |grad u(x)|_2`` with u held at observed pixels and in [0, 1] elsewhere.

    Primal-dual iteration of Chambolle and Pock (J. Math. Imaging Vis. 2011, algorithm 1, theta = 1):

        p <- project(p + sigma grad v)        onto |p(x)|_2 <= 1 at every pixel x
        u' <- project(u - tau grad^T p)       onto [0, 1], and onto the observed values where these are known
        v <- 2 u' - u

    The gradient takes forward differences, which are zero at the last row and column. Its norm at a pixel runs over
    both directions and all channels. The steps satisfy ``tau sigma = 1/8 <= 1 / ||grad||^2``, so that it converges.

    Args:
        start: observed values in [0, 1] where `mask` is True; a first guess in [0, 1] elsewhere.
        mask: True at observed pixels.
        iterations: the fixed number of iterations; `tv_energy_and_gap` measures how close the result is.

    Returns:
        The primal image u and the dual field p.
    """
    start = jnp.asarray(start)

    def iterate(_, carry):
        u, extrapolated, dual = carry
        dual = dual + _gradient(extrapolated) / (GRADIENT_NORM_SQUARED * PRIMAL_STEP)
        dual = dual / jnp.maximum(1, _pointwise_norm(dual)[None, :, :, None])
        moved = jnp.clip(u - PRIMAL_STEP * _gradient_transpose(dual), 0, 1)
        moved = jnp.where(mask[..., None], start, moved)
        return moved, 2 * moved - u, dual

    u, _, dual = jax.lax.fori_loop(0, iterations, iterate, (start, start, jnp.zeros_like(_gradient(start))))
    return u, dual


def tv_energy_and_gap(
    u: Float[Array, "H W C"], dual: Float[Array, "2 H W C"], mask: Bool[Array | np.ndarray, "H W"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Compute the total variation of an image, and an upper bound of its distance from the minimum.

    With ``g = grad^T p``, the dual value ``sum_observed u g + sum_missing min(g, 0)`` is the minimum of ``<u, g>`` over
    all images in [0, 1] with the same observed values. It is a lower bound of their total variation for every p with
    ``|p(x)|_2 <= 1``.

    Args:
        u: an image in [0, 1], as returned by `minimize_tv`.
        dual: p, a field with a norm of at most 1 at every pixel.
        mask: True at observed pixels.

    Returns:
        The energy, in grey values times pixels, and the duality gap (energy minus dual value, >= 0). A gap of zero
        proves that u is a minimiser.
    """
    divergence = _gradient_transpose(dual)
    energy = _pointwise_norm(_gradient(u)).sum()
    return energy, energy - jnp.where(mask[..., None], u * divergence, jnp.minimum(divergence, 0)).sum()


def _gradient(u: Float[Array, "H W C"]) -> Float[Array, "2 H W C"]:
    """Return forward differences along both axes, zero at the last row and column."""
    return jnp.stack([jnp.diff(u, axis=0, append=u[-1:]), jnp.diff(u, axis=1, append=u[:, -1:])])


def _gradient_transpose(field: Float[Array, "2 H W C"]) -> Float[Array, "H W C"]:
    """Apply the adjoint of `_gradient`: minus a divergence, derived by JAX so that the two always match."""
    (u,) = jax.linear_transpose(_gradient, field[0])(field)
    return u


def _pointwise_norm(field: Float[Array, "2 H W C"]) -> Float[Array, "H W"]:
    """Return the Euclidean norm over directions and channels at every pixel."""
    return jnp.sqrt(jnp.square(field).sum((0, -1)))
