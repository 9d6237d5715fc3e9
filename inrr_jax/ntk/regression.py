"""Predictions of a kernel: regression by Cholesky or by conjugate gradients, and gradient flow at given times."""

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
    """Return the prediction K(x, X) (K(X, X) + r I)^-1 y of kernel ridge regression.

    With r = 0 it is the limit of gradient flow for a wide network whose values are zero at initialisation.

    Args:
        kernel: K(X, X) between the samples.
        cross: K(x, X) between the points of the prediction and the samples.
        targets: y at the samples.
        jitter: r divided by the mean of the diagonal of K(X, X). In float32 the factorisation needs about 1e-6.

    Raises:
        UserError: if the Cholesky factorisation fails.
    """
    weights = ridge_weights(kernel, targets, jitter)
    if not jnp.isfinite(weights).all():
        raise UserError(f"jitter={jitter:g} leaves the kernel singular in {kernel.dtype}: give a larger jitter")
    return cross @ weights


@jax.jit
def ridge_weights(
    kernel: Float[Array, "N N"], targets: Float[Array, "N C"], jitter: Float[Array, ""] | float
) -> Float[Array, "N C"]:
    """Return w that solves (K + r I) w = y, by Cholesky factorisation; NaN if the factorisation fails.

    Args:
        kernel: K between the samples.
        targets: y at the samples.
        jitter: r divided by the mean of the diagonal of K.
    """
    ridge = jitter * jnp.mean(jnp.diag(kernel))
    return cho_solve(cho_factor(kernel + ridge * jnp.eye(len(kernel), dtype=kernel.dtype)), targets)


Product = Callable[[Float[Array, "N"]], Float[Array, "N"]]
"""v -> A v for a symmetric positive semi-definite matrix A."""


def conjugate_gradient(
    multiply: Product,
    targets: Float[Array, "N"],
    *,
    ridge: float,
    steps: int,
    tolerance: float = 0.0,
    precondition: Product = lambda residual: residual,
) -> tuple[Float[Array, "N"], Float[np.ndarray, "steps"]]:
    """Solve (K + ridge I) w = y by conjugate gradients, from products K v only (Hestenes and Stiefel, 1952).

    Args:
        multiply: v -> K v.
        targets: y.
        ridge: in the unit of K; must be positive if K is singular.
        steps: maximum number of steps.
        tolerance: the iteration stops when |y - (K + ridge I) w| / |y| is at most this.
        precondition: v -> P^-1 v for some P close to K + ridge I, such as `nystrom`.

    Returns:
        w, and the relative residual |y - (K + ridge I) w| / |y| after each step, computed by the recurrence. The
        residual may rise between steps: conjugate gradients minimise the error of w in the norm of K + ridge I instead.
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
    """Return v -> P^-1 v with the Nystrom approximation P of K + r I from M points Z (Rudi et al., NeurIPS 2017).

        P = U U^T + r I,  U = K(X, Z) L^-T,  K(Z, Z) = L L^T,  P^-1 v = (v - U (U^T U + r I)^-1 U^T v) / r

    The last equation is Woodbury's identity. O(N M) memory and operations per product, after O(N M^2) operations once.

    Args:
        cross: K(X, Z).
        gram: K(Z, Z), where Z is a subset of the points X.
        ridge: r > 0, in the unit of K.
        jitter: added to the diagonal of K(Z, Z) before its factorisation, in units of the diagonal's mean.
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
    """Return f_t - f_0 under gradient flow on 1/2 sum_i |f(x_i) - y_i|^2 with a kernel that stays constant.

        f_t(x) - f_0(x) = K(x, X) U diag((1 - exp(-lambda t)) / lambda) U^T (y - f_0(X)),  K(X, X) = U diag(lambda) U^T

    Each eigenvector is learned at the rate of its own eigenvalue; eigenvectors of eigenvalue 0 are never learned.

    Args:
        kernel: K(X, X) between the samples.
        cross: K(x, X) between the points of the prediction and the samples.
        errors: y - f_0(X).
        times: t >= 0; k steps of gradient descent with step size eta correspond to t = k eta.
    """
    values, vectors = jnp.linalg.eigh(kernel)
    # Rounding can make the smallest eigenvalues negative, and exp(-lambda t) would then grow without bound.
    exponent = jnp.maximum(values, 0.0)[None, :] * times[:, None]
    # The gain (1 - exp(-lambda t)) / lambda tends to t as lambda -> 0; `safe` avoids 0 / 0 there.
    safe = jnp.where(exponent > 0.0, exponent, 1.0)
    gain = times[:, None] * jnp.where(exponent > 0.0, -jnp.expm1(-safe) / safe, 1.0)
    return jnp.einsum("mk,tk,kc->tmc", cross @ vectors, gain, vectors.T @ errors)
