"""The linear layer of all networks, with uniform initial weights, and the perceptron of such layers."""

import math
from collections.abc import Callable
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Initializer = Callable[..., Float[Array, "..."]]

SIZES = (256, 65536)
"""Lengths of the vectors of random numbers that parameters are cut from."""


def symmetric_uniform(bound: float) -> Initializer:
    """Return an initialiser that draws from U(-bound, bound).

    The numbers are the first ones of a longer vector, so that parameters of many shapes share one compiled program: a
    fit would otherwise spend two seconds on compiling one for each shape. They do not depend on that vector's length,
    because JAX's generator computes each number from the key and the number's index alone.
    """

    def init(key, shape, dtype=jnp.float32):
        count = math.prod(shape)
        length = next((size for size in SIZES if size >= count), count)
        return jax.random.uniform(key, (length,), dtype, -bound, bound)[:count].reshape(shape)

    return init


class Linear(nn.Module):
    """The layer x W + b with W ~ U(-bound, bound) and b ~ U(-bias_bound, bias_bound)."""

    features: int
    bound: float
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot
    bias_bound: float | None = None
    """None: as for W."""

    @nn.compact
    def __call__(self, x: Float[Array, "N K"]) -> Float[Array, "N M"]:
        """Apply the layer."""
        kernel = self.param("kernel", symmetric_uniform(self.bound), (x.shape[-1], self.features))
        bias_bound = self.bound if self.bias_bound is None else self.bias_bound
        bias = self.param("bias", symmetric_uniform(bias_bound), (self.features,))
        return self.dot(x, kernel) + bias[None, :]


class Perceptron(nn.Module):
    """x_{l+1} = φ(x_l W_l + b_l),  y = x_L W_L + b_L, with an activation φ that is the same in all layers.

    A network of this form derives from it and defines `activate` and `bound`.
    """

    features: int
    width: int = 256
    depth: int = 5
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot
    bias_bound: float | None = None
    """Bound of all initial biases; None: as for the weights."""

    activate: ClassVar[Callable[..., Float[Array, "N M"]]]
    """(self, pre-activation, **hyper-parameters) -> φ."""
    bound: ClassVar[Callable[..., float]]
    """(self, inputs, outputs) -> bound of the initial weights of a layer."""

    @nn.compact
    def __call__(self, x: Float[Array, "N K"], **hyper: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Evaluate the network, with the hyper-parameters of its activation by name; its values are unbounded."""
        for layer in range(self.depth):
            dot = self.dot if layer else jnp.dot  # coordinates need float32, as in SIREN
            x = self.activate(self._layer(x, self.width, dot, f"hidden{layer}"), **hyper)
        return self._layer(x, self.features, jnp.dot, "last")

    def _layer(self, x, outputs, dot, name):
        return Linear(outputs, self.bound(x.shape[-1], outputs), dot, self.bias_bound, name=name)(x)
