"""A multilayer perceptron with Gaussian activations (Ramasinghe and Lucey, "Beyond periodicity", ECCV 2022)."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields.base import Field, NetworkConfig, network
from inrr_jax.fields.parts.layers import Perceptron
from inrr_jax.options import choice, hyper
from inrr_jax.problem import Domain

SHARPNESS_PER_NODE = 40 / 256
"""Default sharpness per node of the longest axis, as for the frequencies of a SIREN."""


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Options of a network with Gaussian activations."""

    name: str = choice("gauss")
    sharpness: float = hyper(0.0, 0.0)
    """1/a, the inverse standard deviation of the activation in all layers; the larger, the finer the detail. 0: 40 for
    every 256 nodes of the domain's longest side."""

    candidates: ClassVar = {"sharpness": (20.0, 40.0)}
    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 2e-3}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return network(self, domain, Gauss(domain.channels, self.width, self.depth, self.dot))

    def hyper_parameters(self, domain: Domain, detail: float) -> dict[str, float]:
        """Return the sharpness; 0 becomes the default for this domain, times `detail`."""
        return {"sharpness": self.sharpness or detail * SHARPNESS_PER_NODE * max(domain.shape)}


class Gauss(Perceptron):
    """x_{l+1} = exp(-u² / (2 a²)) with u = x_l W_l + b_l,  y = x_L W_L + b_L.

    W and b ~ U(-1/sqrt(K), 1/sqrt(K)) for K inputs, the usual initial values of a linear layer: the paper shows that
    such a network needs no initialisation of its own (section 5).
    """

    def activate(self, u: Float[Array, "N M"], sharpness: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Return exp(-u² / (2 a²)) for a = 1 / sharpness."""
        return jnp.exp(-jnp.square(sharpness * u) / 2.0)

    def bound(self, inputs: int, outputs: int) -> float:
        """Return 1/sqrt(inputs)."""
        return inputs**-0.5
