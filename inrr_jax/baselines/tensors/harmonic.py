"""The Laplace equation on a grid with any number of axes, with the observed entries as boundary values."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.baselines.tensors.contract import Observed, Spacing, Values, completing
from inrr_jax.baselines.tensors.lines import along_axes, weights

TOLERANCE = 1e-4  # norm of the residual, relative to the first one
ITERATIONS = 1000  # the most; a gap of n nodes needs about n


@completing
def harmonic(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Minimise the squared gradient: `minimize_gradient` with the weight 1 / spacing² for each axis."""
    return _fill(values, mask, 1 / np.square(spacing))


@completing
def harmonic_scaled(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Minimise the squared gradient with weights that the observed entries determine.

    The weight of an axis is the inverse of the mean squared change per step along it (`lines.variation`), which is the
    precision of the increments if the signal is a Gaussian Markov field. The spacing is not used.
    """
    return _fill(values, mask, weights(values, mask))


def _fill(values: Values, mask: Observed, weight: Float[np.ndarray, "D"]) -> Float[np.ndarray, "*grid C"]:
    # Interpolation along the axes is near the solution already, which saves half of the iterations.
    start = np.where(mask[..., None], values, along_axes(values, mask, None))
    return np.asarray(minimize_gradient(start, mask, (weight / weight.max()).astype(np.float32)))


@jax.jit
def minimize_gradient(
    start: Float[Array | np.ndarray, "*grid C"],
    mask: Bool[Array | np.ndarray, "*grid"],
    weights: Float[Array | np.ndarray, "D"],
) -> Float[Array, "*grid C"]:
    """Minimise ``1/2 sum over axes a of w_a sum over edges (i, j) along a of (u_i - u_j)²`` with u held where observed.

    Conjugate gradients on the missing entries. A node at the border has fewer neighbours, which is the natural
    condition. Memory: six arrays of the size of the signal.

    Args:
        start: the observed values where the mask is True, a first guess elsewhere.
        mask: True where u is held.
        weights: w, positive, one for each axis.
    """
    missing = ~jnp.asarray(mask)[..., None]

    def gradient(u):
        """Return the derivative of the energy with respect to the missing entries."""
        total = jnp.zeros_like(u)
        for axis, weight in enumerate(weights):
            flow = weight * jnp.diff(u, axis=axis)
            zero = jnp.zeros_like(jax.lax.slice_in_dim(u, 0, 1, axis=axis))
            total -= jnp.diff(flow, axis=axis, prepend=zero, append=zero)
        return jnp.where(missing, total, 0)

    def step(carry):
        u, residual, direction, norm, iteration = carry
        image = gradient(direction)
        length = norm / jnp.vdot(direction, image)
        residual = residual - length * image
        after = jnp.vdot(residual, residual)
        return u + length * direction, residual, residual + after / norm * direction, after, iteration + 1

    start = jnp.asarray(start)
    residual = -gradient(start)
    first = jnp.vdot(residual, residual)
    unfinished = lambda carry: (carry[3] > TOLERANCE**2 * first) & (carry[4] < ITERATIONS)  # noqa: E731
    return jax.lax.while_loop(unfinished, step, (start, residual, residual, first, 0))[0]
