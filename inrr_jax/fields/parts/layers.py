"""The linear layer of all networks, with uniform initial weights."""

import math
from collections.abc import Callable

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
    """The layer x W + b with W and b ~ U(-bound, bound)."""

    features: int
    bound: float
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(self, x: Float[Array, "N K"]) -> Float[Array, "N M"]:
        """Apply the layer."""
        init = symmetric_uniform(self.bound)
        kernel = self.param("kernel", init, (x.shape[-1], self.features))
        bias = self.param("bias", init, (self.features,))
        return self.dot(x, kernel) + bias[None, :]
