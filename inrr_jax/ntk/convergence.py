"""Errors of the two approximations that the NTK makes: infinite width, and linearisation in the parameters.

The orders of convergence are measured by regression on these errors (study.py).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax.ntk.empirical import Factor, factors, layer_kernel, structured
from inrr_jax.ntk.infinite import siren_parts
from inrr_jax.ntk.networks import siren_network


@partial(jax.jit, static_argnames=("width", "depth", "draws"))
def width_errors(
    key: Key[Array, ""],
    points: Float[Array, "N D"],
    omega: Float[Array, ""] | float,
    *,
    width: int,
    depth: int,
    draws: int,
) -> Float[Array, "draws 2"]:
    """Return the relative errors |T_n - T| / |T| and |B_n - B| / |B| of networks at initialisation.

    T and B are the two parts of the infinite-width kernel n T + B (infinite.py), T_n and B_n those of a network of
    n units. Each error falls like n^(-1/2). They are measured apart because their sum follows no single power: B has
    the larger error and loses weight as n grows, so that the error of n T + B falls faster than that of either part.

    Args:
        key: for the initialisations.
        points: points in [-1, 1]^D between which the kernels are taken.
        omega: frequency factor of the first layer.
        width: n.
        depth: number of sine layers.
        draws: number of independent initialisations.
    """
    net = siren_network(width, depth, points.shape[1])
    limits = siren_parts(omega, points, points, depth=depth)

    def errors(key):
        first, *others = factors(partial(net.apply, omega=omega), net.init(key), points)
        # The last column of a layer's inputs is the constant one that its bias multiplies.
        weights = sum(_own_kernel(layer.inputs[:, :-1], layer.signals) for layer in others)
        biases = sum(_own_kernel(layer.inputs[:, -1:], layer.signals) for layer in others)
        parts = weights / width, biases + _own_kernel(first.inputs, first.signals)
        pairs = zip(parts, limits, strict=True)
        return jnp.stack([jnp.linalg.norm(part - limit) / jnp.linalg.norm(limit) for part, limit in pairs])

    return jax.lax.map(errors, jax.random.split(key, draws))


def _own_kernel(inputs, signals):
    return layer_kernel(Factor(inputs, signals), Factor(inputs, signals))


@partial(jax.jit, static_argnames=("width", "depth"))
def step_remainders(
    key: Key[Array, ""],
    points: Float[Array, "N D"],
    omega: Float[Array, ""] | float,
    rates: Float[Array, "T"],
    *,
    width: int,
    depth: int,
) -> Float[Array, "T"]:
    """Return |f_1 - (f_0 - rate K (f_0 - y))| after one step of gradient descent on 1/2 |f - y|^2.

    The remainder is of second order in the rate if K is the kernel of the network, of first order if it is not.

    Args:
        key: for the initialisation, and for the targets y, which are uniform in [0, 1].
        points: points in [-1, 1]^D. Their dtype is that of the whole computation: small rates need float64, because
            the remainder is lost in rounding otherwise.
        omega: frequency factor of the first layer.
        rates: step sizes.
        width: number of units of each sine layer.
        depth: number of sine layers.
    """
    net = siren_network(width, depth, points.shape[1])
    init_key, target_key = jax.random.split(key)
    params = jax.tree.map(lambda leaf: leaf.astype(points.dtype), net.init(init_key))
    apply = partial(net.apply, omega=omega)
    before, backward = jax.vjp(lambda params: apply(params, points), params)
    errors = before - jax.random.uniform(target_key, before.shape, before.dtype)
    (gradient,) = backward(errors)
    slope = structured(apply, params, points, points) @ errors

    def remainder(rate):
        moved = jax.tree.map(lambda leaf, downhill: leaf - rate * downhill, params, gradient)
        return jnp.linalg.norm(apply(moved, points) - (before - rate * slope))

    return jax.lax.map(remainder, rates)
