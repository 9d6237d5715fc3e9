"""Differential operators on signals: gradient, divergence, Laplacian and products with the Hessian.

Each is a function of a signal, points [N, D] -> values [N, C], and of points. Coordinates are those of the domain,
whose longest axis spans [-1, 1]. All of them can be differentiated with respect to the signal's parameters in turn.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.errors import UserError
from inrr_jax.operators.taylor import expand
from inrr_jax.problem import Evaluate


class Derivatives(NamedTuple):
    """Values of a signal with its first derivatives and its Laplacian at N points."""

    values: Float[Array, "N C"]
    gradient: Float[Array, "N C D"]
    laplacian: Float[Array, "N C"]


def derivatives(signal: Evaluate, points: Float[Array, "N D"]) -> Derivatives:
    """Return values, gradient and Laplacian at once, which costs no more than the Laplacian alone."""
    values, (*slopes, laplacian) = expand(signal, points, second=(1.0,) * points.shape[1])
    return Derivatives(values, jnp.stack(slopes, axis=-1), laplacian)


def value_and_gradient(
    signal: Evaluate, points: Float[Array, "N D"]
) -> tuple[Float[Array, "N C"], Float[Array, "N C D"]]:
    """Return f and its gradient d f_c / d x_i.

    Signals with fewer channels than dimensions use reverse mode, one pass per channel; all others forward mode, one
    pass per dimension.
    """
    channels = jax.eval_shape(signal, points).shape[1]
    if channels >= points.shape[1]:
        values, slopes = expand(signal, points)
        return values, jnp.stack(slopes, axis=-1)
    values, pull = jax.vjp(signal, points)
    units = jnp.broadcast_to(jnp.eye(channels, dtype=values.dtype)[:, None, :], (channels, *values.shape))
    # No value depends on another point, so one pass yields the gradients of a channel at all points.
    (gradients,) = jax.vmap(pull)(units)
    return values, jnp.moveaxis(gradients, 0, 1)


def gradient(signal: Evaluate, points: Float[Array, "N D"]) -> Float[Array, "N C D"]:
    """Return the gradient d f_c / d x_i."""
    return value_and_gradient(signal, points)[1]


def divergence(signal: Evaluate, points: Float[Array, "N D"]) -> Float[Array, "N"]:
    """Return the divergence sum_i d f_i / d x_i of a vector field.

    Raises:
        UserError: the signal does not have one channel per dimension.
    """
    values, slopes = expand(signal, points)
    if values.shape[1] != len(slopes):
        raise UserError(
            f"the divergence of a signal with {values.shape[1]} channels in {len(slopes)} dimensions: give one channel"
            " per dimension"
        )
    return jnp.stack([slope[:, i] for i, slope in enumerate(slopes)]).sum(axis=0)


def laplacian(
    signal: Evaluate, points: Float[Array, "N D"], weights: tuple[float, ...] | None = None
) -> Float[Array, "N C"]:
    """Return sum_i w_i d² f_c / d x_i² of every channel: the Laplacian, or with weights (1, -c²) the wave operator.

    Raises:
        UserError: there is not one weight per dimension.
    """
    dimensions = points.shape[1]
    weights = (1.0,) * dimensions if weights is None else weights
    if len(weights) != dimensions:
        raise UserError(f"weights={weights} of a Laplacian in {dimensions} dimensions: give one weight per dimension")
    return expand(signal, points, second=weights).slopes[-1]


def hessian_vector(
    signal: Evaluate, points: Float[Array, "N D"], vectors: Float[Array, "N D"]
) -> Float[Array, "N C D"]:
    """Return the products sum_j d² f_c / d x_i d x_j v_j of every channel's Hessian with one vector per point."""

    def slope(points):
        slopes = expand(signal, points).slopes
        return jnp.stack([slope * vectors[:, i, None] for i, slope in enumerate(slopes)]).sum(axis=0)

    return gradient(slope, points)
