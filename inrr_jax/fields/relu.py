"""A multilayer perceptron with rectifier activations on plain coordinates, without Fourier features."""

from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields.base import Field, NetworkConfig, network
from inrr_jax.fields.parts.layers import Linear
from inrr_jax.options import choice
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Options of a ReLU network."""

    name: str = choice("relu")

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return network(self, domain, Relu(domain.channels, self.width, self.depth, self.dot))


class Relu(nn.Module):
    """x_{l+1} = max(0, x_l W_l + b_l),  y = x_L W_L + b_L.

    W and b ~ U(-sqrt(6/K), sqrt(6/K)) for K inputs: He's variance 2/K keeps the second moment of the activations from
    layer to layer (He et al., ICCV 2015), and the random biases distribute the kinks over the domain.
    """

    features: int
    width: int = 256
    depth: int = 5
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(self, x: Float[Array, "N K"]) -> Float[Array, "N M"]:
        """Evaluate the network; its values are unbounded."""
        for layer in range(self.depth):
            dot = self.dot if layer else jnp.dot  # coordinates need float32, as in SIREN
            x = nn.relu(Linear(self.width, (6.0 / x.shape[-1]) ** 0.5, dot, name=f"hidden{layer}")(x))
        return Linear(self.features, (6.0 / x.shape[-1]) ** 0.5, name="last")(x)
