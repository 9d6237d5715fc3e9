"""The NTK of an infinitely wide SIREN in closed form (derived in docs/theory.md)."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class _Moments(NamedTuple):
    """E[sin u sin v] and E[cos u cos v] of the pre-activations u at x and v at x' of one unit of a layer."""

    sines: Float[Array, "N M"]
    cosines: Float[Array, "N M"]
    sines1: Float[Array, "N"]
    """E[sin^2 u] at the first points."""
    sines2: Float[Array, "M"]
    """E[sin^2 v] at the second points."""


@partial(jax.jit, static_argnames=("width", "depth"))
def siren(
    omega: Float[Array, ""] | float,
    x1: Float[Array, "N D"],
    x2: Float[Array, "M D"],
    *,
    width: int,
    depth: int,
) -> Float[Array, "N M"]:
    """Return n T + B, the kernel of `fields.siren.Siren` (without a sigmoid) with respect to all of its parameters.

    The mean of the empirical kernels of networks with n units approaches it like 1/n, a single one like 1/sqrt(n).

    Args:
        omega: frequency factor of the first layer, in radians per unit of x.
        x1: points in [-1, 1]^D.
        x2: points in [-1, 1]^D.
        width: n, which sets the weight of T against B.
        depth: number of sine layers, at least 1.
    """
    weights, rest = siren_parts(omega, x1, x2, depth=depth)
    return width * weights + rest


@partial(jax.jit, static_argnames="depth")
def siren_parts(
    omega: Float[Array, ""] | float, x1: Float[Array, "N D"], x2: Float[Array, "M D"], *, depth: int
) -> tuple[Float[Array, "N M"], Float[Array, "N M"]]:
    """Return the two parts T and B of the kernel n T + B; neither depends on the width n.

    T belongs to the weights of all layers but the first, B to the first layer's weights and to all biases. With
    S_l = E[sin u sin v] and C_l = E[cos u cos v] of the pre-activations u at x and v at x' of layer l,

        T_2 = S_1,                                T_{l+1} = S_l + 2 C_l T_l
        B_2 = 1 + 2 omega^2 C_1 (<x, x'> + 1),    B_{l+1} = 1 + 2 C_l B_l

    and T = T_{depth+1}, B = B_{depth+1}. The arguments are those of `siren`.
    """
    layer = _first(omega, x1, x2)
    weights = layer.sines
    rest = 1.0 + 2.0 * omega**2 * layer.cosines * (x1 @ x2.T + 1.0)
    for _ in range(depth - 1):
        layer = _next(layer)
        weights = layer.sines + 2.0 * layer.cosines * weights
        rest = 1.0 + 2.0 * layer.cosines * rest
    return weights, rest


def _first(omega, x1, x2):
    """Return the moments of the first layer, S_1 = (p - q) / 2 and C_1 = (p + q) / 2, for W, b ~ U(-1/D, 1/D).

    p = E[cos(u - v)] = prod_i sinc(omega (x_i - x_i') / D) and
    q = E[cos(u + v)] = prod_i sinc(omega (x_i + x_i') / D) sinc(2 omega / D), where sinc t = sin t / t.
    """
    scale = omega / x1.shape[1]
    # The bias cancels in u - v and is doubled in u + v.
    bias = _sinc(2.0 * scale)
    p = jnp.prod(_sinc(scale * (x1[:, None, :] - x2[None, :, :])), axis=-1)
    q = jnp.prod(_sinc(scale * (x1[:, None, :] + x2[None, :, :])), axis=-1) * bias

    def sine_squares(x):
        return (1.0 - jnp.prod(_sinc(2.0 * scale * x), axis=-1) * bias) / 2.0

    return _Moments((p - q) / 2.0, (p + q) / 2.0, sine_squares(x1), sine_squares(x2))


def _next(layer):
    """Return the moments of the next layer, whose pre-activations u, v are jointly Gaussian.

    S = exp(-(s + s') / 2) sinh c and C = exp(-(s + s') / 2) cosh c, where s and s' are the variances of u and v and c
    is their covariance. These are twice the sine moments of the layer before: n weights have variance 2/n each. The
    bias also has variance 2/n, but there is only one, so that it vanishes as n grows.
    """
    own1, own2 = 2.0 * layer.sines1, 2.0 * layer.sines2
    mean = (own1[:, None] + own2[None, :]) / 2.0
    covariance = 2.0 * layer.sines
    decay = jnp.exp(-mean)
    return _Moments(
        decay * jnp.sinh(covariance),
        decay * jnp.cosh(covariance),
        # exp(-s) sinh s = (1 - exp(-2 s)) / 2, which expm1 gives without cancellation at small s.
        -jnp.expm1(-2.0 * own1) / 2.0,
        -jnp.expm1(-2.0 * own2) / 2.0,
    )


def _sinc(t):
    """Return sin t / t, by its series in t² for small t: the quotient's derivatives lose all digits there."""
    small = jnp.abs(t) < 1.0
    square = jnp.where(small, t, 0.0) ** 2
    series = jnp.ones_like(t)
    for k in range(9, 0, -1):
        series = 1.0 - square * series / (2 * k * (2 * k + 1))
    safe = jnp.where(small, 1.0, t)
    return jnp.where(small, series, jnp.sin(safe) / safe)
