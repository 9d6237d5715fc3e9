"""The kernel of an infinitely wide SIREN, in closed form (derived in docs/theory.md)."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class _Moments(NamedTuple):
    """E[sin u sin v] and E[cos u cos v] of the pre-activations u, v of a layer at x and x'."""

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
    """Kernel of `fields.siren.Siren` before its sigmoid, all parameters counted, as width -> infinity: n T + B.

    The mean empirical kernel of networks of n units approaches it like 1/n, a single one like 1/sqrt(n).

    Args:
        omega: frequency factor of the first layer, in radians per unit of x.
        x1: points in [-1, 1]^D.
        x2: points in [-1, 1]^D.
        width: n, at which the two parts are added up.
        depth: number of sine layers, at least 1.
    """
    weights, rest = siren_parts(omega, x1, x2, depth=depth)
    return width * weights + rest


@partial(jax.jit, static_argnames="depth")
def siren_parts(
    omega: Float[Array, ""] | float, x1: Float[Array, "N D"], x2: Float[Array, "M D"], *, depth: int
) -> tuple[Float[Array, "N M"], Float[Array, "N M"]]:
    """Return T of the weights after the first layer, and B of the first layer's weights and of all biases.

    With S_l = E[sin u sin v] and C_l = E[cos u cos v] of the pre-activations u, v of layer l at x and x',

        T_2 = S_1,                                T_{l+1} = S_l + 2 C_l T_l
        B_2 = 1 + 2 omega^2 C_1 (<x, x'> + 1),    B_{l+1} = 1 + 2 C_l B_l

    taken at l = depth + 1. Neither depends on the width.
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
    """S_1 = (p - q) / 2 and C_1 = (p + q) / 2 for W, b ~ U(-1/D, 1/D).

    p = E[cos(u - v)] = prod_i sinc(omega (x_i - x_i') / D) and
    q = E[cos(u + v)] = prod_i sinc(omega (x_i + x_i') / D) sinc(2 omega / D), where sinc t = sin t / t.
    """
    scale = omega / x1.shape[1]
    bias = _sinc(2.0 * scale)
    p = jnp.prod(_sinc(scale * (x1[:, None, :] - x2[None, :, :])), axis=-1)
    q = jnp.prod(_sinc(scale * (x1[:, None, :] + x2[None, :, :])), axis=-1) * bias

    def own(x):
        return (1.0 - jnp.prod(_sinc(2.0 * scale * x), axis=-1) * bias) / 2.0

    return _Moments((p - q) / 2.0, (p + q) / 2.0, own(x1), own(x2))


def _next(layer):
    """S' = exp(-(s + s') / 2) sinh c and C' = exp(-(s + s') / 2) cosh c for Gaussian u, v.

    Their covariance is twice the sines of the layer before: weights have variance 2 / width, and the bias, of the
    same variance, vanishes beside `width` of them. s, s' and c are the entries of that covariance.
    """
    own1, own2 = 2.0 * layer.sines1, 2.0 * layer.sines2
    mean = (own1[:, None] + own2[None, :]) / 2.0
    covariance = 2.0 * layer.sines
    decay = jnp.exp(-mean)
    return _Moments(
        decay * jnp.sinh(covariance),
        decay * jnp.cosh(covariance),
        -jnp.expm1(-2.0 * own1) / 2.0,
        -jnp.expm1(-2.0 * own2) / 2.0,
    )


def _sinc(t):
    return jnp.sinc(t / math.pi)
