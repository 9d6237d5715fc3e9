"""What a kernel predicts: regression, by Cholesky or conjugate gradients, and gradient flow at every time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from inrr_jax.errors import UserError


def regress(
    kernel: Float[Array, "N N"], cross: Float[Array, "M N"], targets: Float[Array, "N C"], *, jitter: float
) -> Float[Array, "M C"]:
    """Predict K(x, X) (K(X, X) + r I)^-1 y, where gradient flow of a wide network ends if it starts from zero.

    Args:
        kernel: K(X, X) at the samples.
        cross: K(x, X) from where to predict.
        targets: y at the samples.
        jitter: r over the mean of the diagonal: 1e-6 is about the least that float32 can factorise, more is a ridge
            regression.

    Raises:
        UserError: if the factorisation fails.
    """
    weights = ridge_weights(kernel, targets, jitter)
    if not jnp.isfinite(weights).all():
        raise UserError(f"jitter={jitter:g} leaves the kernel singular in {kernel.dtype}: give a larger one")
    return cross @ weights


@jax.jit
def ridge_weights(
    kernel: Float[Array, "N N"], targets: Float[Array, "N C"], jitter: Float[Array, ""] | float
) -> Float[Array, "N C"]:
    """Solve (K + r I) w = y by Cholesky's factors, r in shares of the mean of the diagonal: NaN if that fails."""
    ridge = jitter * jnp.mean(jnp.diag(kernel))
    return cho_solve(cho_factor(kernel + ridge * jnp.eye(len(kernel), dtype=kernel.dtype)), targets)


def conjugate_gradient(
    multiply: Callable[[Float[Array, "N"]], Float[Array, "N"]],
    targets: Float[Array, "N"],
    *,
    ridge: float,
    steps: int,
    tolerance: float = 0.0,
) -> tuple[Float[Array, "N"], Float[np.ndarray, "steps"]]:
    """Solve (K + ridge I) w = y from products K v alone (Hestenes and Stiefel, 1952).

    Args:
        multiply: v -> K v, K symmetric and positive semi-definite.
        targets: y.
        ridge: in the unit of K; above 0 if K is singular.
        steps: at most so many.
        tolerance: stop once the residual is below this share of |y|.

    Returns:
        w, and |y - (K + ridge I) w| / |y| after each step taken, as the recurrence has it.
    """
    weights, residual, direction = jnp.zeros_like(targets), targets, targets
    curve: list[float] = []
    while len(curve) < steps and (not curve or curve[-1] > tolerance):
        image = multiply(direction) + ridge * direction
        weights, residual, direction = _descend(weights, residual, direction, image)
        curve.append(float(jnp.linalg.norm(residual) / jnp.linalg.norm(targets)))
    return weights, np.array(curve)


@jax.jit
def _descend(weights, residual, direction, image):
    before = residual @ residual
    step = before / (direction @ image)
    residual = residual - step * image
    return weights + step * direction, residual, residual + (residual @ residual) / before * direction


@jax.jit
def gradient_flow(
    kernel: Float[Array, "N N"],
    cross: Float[Array, "M N"],
    errors: Float[Array, "N C"],
    times: Float[Array, "T"],
) -> Float[Array, "T M C"]:
    """Predict f_t - f_0 under gradient flow of 1/2 sum_i |f(x_i) - y_i|^2 with a constant kernel.

        f_t(x) - f_0(x) = K(x, X) U diag((1 - exp(-lambda t)) / lambda) U^T (y - f_0(X)),  K(X, X) = U diag(lambda) U^T

    Each eigenvector is learned at its own rate lambda: the flat directions stay for last, or for ever.

    Args:
        kernel: K(X, X) at the samples.
        cross: K(x, X) from where to predict.
        errors: y - f_0(X).
        times: t >= 0; k steps of gradient descent with rate eta are t = k eta.
    """
    values, vectors = jnp.linalg.eigh(kernel)
    exponent = jnp.maximum(values, 0.0)[None, :] * times[:, None]
    safe = jnp.where(exponent > 0.0, exponent, 1.0)
    gain = times[:, None] * jnp.where(exponent > 0.0, -jnp.expm1(-safe) / safe, 1.0)
    return jnp.einsum("mk,tk,kc->tmc", cross @ vectors, gain, vectors.T @ errors)
