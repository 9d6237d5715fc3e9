"""The linear layer of all networks, with uniform initial weights."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Initializer = Callable[..., Float[Array, "..."]]


def symmetric_uniform(bound: float) -> Initializer:
    """Return an initialiser that draws from U(-bound, bound)."""

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

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
