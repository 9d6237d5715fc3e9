"""At which rates the kernel's two approximations become exact: in the width, and in the step."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax.ntk.empirical import Factor, factors, layer_kernel, structured
from inrr_jax.ntk.infinite import siren_parts
from inrr_jax.ntk.networks import network
from inrr_jax.settings import FieldSettings


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
    """Relative errors |T_n - T| / |T| and |B_n - B| / |B| of networks at their start: each like width^-1/2.

    T and B are the two parts of the kernel (infinite.py). Their sum n T + B has no single power: the part with the
    larger error, B, loses weight as n grows, so that it looks faster than it is.
    """
    net = network(FieldSettings(width=width, depth=depth, sine="exact"), points.shape[1])
    limits = siren_parts(omega, points, points, depth=depth)

    def errors(key):
        first, *others = factors(partial(net.apply, omega=omega), net.init(key), points)
        weights = sum(_own_kernel(layer.inputs[:, :-1], layer.signals) for layer in others)
        biases = sum(_own_kernel(layer.inputs[:, -1:], layer.signals) for layer in others)
        parts = weights / width, biases + _own_kernel(first.inputs, first.signals)
        pairs = zip(parts, limits, strict=True)
        return jnp.stack([jnp.linalg.norm(part - limit) / jnp.linalg.norm(limit) for part, limit in pairs])

    return jax.lax.map(errors, jax.random.split(key, draws))


def _own_kernel(inputs, signals):
    return layer_kernel(Factor(inputs, signals), Factor(inputs, signals))


@partial(jax.jit, static_argnames="settings")
def step_remainders(
    key: Key[Array, ""],
    points: Float[Array, "N D"],
    omega: Float[Array, ""] | float,
    rates: Float[Array, "T"],
    *,
    settings: FieldSettings,
) -> Float[Array, "T"]:
    """|f_1 - (f_0 - rate K (f_0 - y))| after one step of gradient descent on 1/2 |f - y|^2: like rate^2.

    The targets y are drawn from [0, 1]. float64 points give float64 all through, which small rates need.
    """
    net = network(settings, points.shape[1])
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
