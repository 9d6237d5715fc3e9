"""A multilayer perceptron with rectifier activations on plain coordinates, without Fourier features."""

from dataclasses import dataclass

import flax.linen as nn
from jaxtyping import Array, Float

from inrr_jax.fields.base import Field, NetworkConfig, network
from inrr_jax.fields.parts.layers import Perceptron
from inrr_jax.options import choice
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Options of a ReLU network."""

    name: str = choice("relu")

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return network(self, domain, Relu(domain.channels, self.width, self.depth, self.dot))


class Relu(Perceptron):
    """x_{l+1} = max(0, x_l W_l + b_l),  y = x_L W_L + b_L.

    W and b ~ U(-sqrt(6/K), sqrt(6/K)) for K inputs: He's variance 2/K keeps the second moment of the activations from
    layer to layer (He et al., ICCV 2015), and the random biases distribute the kinks over the domain.
    """

    def activate(self, u: Float[Array, "N M"]) -> Float[Array, "N M"]:
        """Return max(0, u)."""
        return nn.relu(u)

    def bound(self, inputs: int, outputs: int) -> float:
        """Return He's bound."""
        return (6.0 / inputs) ** 0.5
