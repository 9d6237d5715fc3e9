"""What a kernel predicts: regression, by Cholesky or conjugate gradients, and gradient flow at every time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve, solve_triangular
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


Product = Callable[[Float[Array, "N"]], Float[Array, "N"]]
"""v -> A v for a symmetric matrix A >= 0."""


def conjugate_gradient(
    multiply: Product,
    targets: Float[Array, "N"],
    *,
    ridge: float,
    steps: int,
    tolerance: float = 0.0,
    precondition: Product = lambda residual: residual,
) -> tuple[Float[Array, "N"], Float[np.ndarray, "steps"]]:
    """Solve (K + ridge I) w = y from products K v alone (Hestenes and Stiefel, 1952).

    Args:
        multiply: v -> K v.
        targets: y.
        ridge: in the unit of K; above 0 if K is singular.
        steps: at most so many.
        tolerance: stop once the residual is below this share of |y|.
        precondition: v -> P^-1 v for some P near K + ridge I, such as `nystrom`.

    Returns:
        w, and |y - (K + ridge I) w| / |y| after each step taken, as the recurrence has it. It may rise on the way:
        what falls at every step is the error of w in the norm of K + ridge I.
    """
    weights, residual = jnp.zeros_like(targets), targets
    direction = steepest = precondition(residual)
    curve: list[float] = []
    while len(curve) < steps and (not curve or curve[-1] > tolerance):
        image = multiply(direction) + ridge * direction
        before = residual @ steepest
        step = before / (direction @ image)
        weights, residual = weights + step * direction, residual - step * image
        steepest = precondition(residual)
        direction = steepest + (residual @ steepest) / before * direction
        curve.append(float(jnp.linalg.norm(residual) / jnp.linalg.norm(targets)))
    return weights, np.array(curve)


def nystrom(cross: Float[Array, "N M"], gram: Float[Array, "M M"], *, ridge: float, jitter: float = 1e-6) -> Product:
    """Precondition K + r I by what M of its points know of it (Rudi, Carratino, Rosasco, NeurIPS 2017).

        P = U U^T + r I,  U = K(X, Z) L^-T,  K(Z, Z) = L L^T,  P^-1 v = (v - U (U^T U + r I)^-1 U^T v) / r

    O(N M) memory and operations per product, after O(N M^2).

    Args:
        cross: K(X, Z).
        gram: K(Z, Z), Z a subset of the points X.
        ridge: r > 0, in the unit of K.
        jitter: added to the diagonal of K(Z, Z), over its mean, for its factorisation.
    """
    basis, small = _nystrom_basis(cross, gram, ridge, jitter)
    return lambda v: _nystrom_solve(basis, small, ridge, v)


@jax.jit
def _nystrom_basis(cross, gram, ridge, jitter):
    lower = jnp.linalg.cholesky(gram + jitter * jnp.mean(jnp.diag(gram)) * jnp.eye(len(gram), dtype=gram.dtype))
    basis = solve_triangular(lower, cross.T, lower=True).T
    return basis, jnp.linalg.cholesky(basis.T @ basis + ridge * jnp.eye(len(gram), dtype=gram.dtype))


@jax.jit
def _nystrom_solve(basis, small, ridge, v):
    return (v - basis @ cho_solve((small, True), basis.T @ v)) / ridge


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
