"""A ReLU network on random Fourier features of the coordinates (Tancik et al., NeurIPS 2020)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields.base import Field, NetworkConfig, network
from inrr_jax.fields.relu import Relu
from inrr_jax.options import choice, hyper
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Options of a network on Fourier features."""

    name: str = choice("fourier")
    omega: float = hyper(0.0, 0.0)
    """Scale of the random frequencies, in radians per half of the domain's longest side. 0: as for `siren`."""

    fixed: ClassVar = ("frequencies",)
    candidates: ClassVar = {"omega": (15.0, 30.0)}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return network(self, domain, Fourier(domain.channels, self.width, self.depth, self.dot))


class Fourier(nn.Module):
    """A ReLU network of [cos(ω x B), sin(ω x B)] with B ~ N(0, 1), drawn once and not trained.

    Tancik et al. write cos(2π x B') on [0, 1] with B' ~ N(0, s²). This is the same on [-1, 1] with ω = π s.
    """

    features: int
    width: int = 256
    depth: int = 5
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(self, points: Float[Array, "N K"], omega: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Evaluate the network at points in [-1, 1]^K; omega is in radians, the values are unbounded."""
        shape = (points.shape[-1], max(1, self.width // 2))
        # A parameter although it is not trained: checkpoints and sweeps then carry it like all others.
        directions = jax.lax.stop_gradient(self.param("frequencies", nn.initializers.normal(1.0), shape))
        phases = omega * (points @ directions)
        encoded = jnp.concatenate([jnp.cos(phases), jnp.sin(phases)], axis=-1)
        return Relu(self.features, self.width, self.depth, self.dot, name="network")(encoded)
