"""FINER: a SIREN whose frequencies grow with the pre-activation (Liu et al., CVPR 2024, sections 3.2 and 3.3)."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax import numerics
from inrr_jax.fields import siren
from inrr_jax.options import at_least, choice, hyper


@dataclass(frozen=True)
class Config(siren.Config):
    """Options of FINER: those of a SIREN, and the range of the first layer's biases."""

    name: str = choice("finer")
    omega: float = hyper(0.0, 0.0)
    """Frequency factor of the first layer, in radians per half of the domain's longest side. 0: 8 for every 256 nodes
    of that side, half of SIREN's, because the activation raises frequencies. The paper has 30."""
    hidden_omega: float = at_least(30.0, 0.0, above=True)
    """Factor in the other layers, divided out of their initial weights; 30 in the paper."""
    first_bias: float = at_least(1.0, 0.0)
    """k: the first layer's biases start in [-k, k]. The frequencies at the start reach about ω (2 k + 1) and more, so
    that a larger k gives finer detail."""

    # Weights that are divided by hidden_omega take smaller steps than INRR's, and Muon's have one length for all.
    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 3e-3}
    candidates: ClassVar = {"omega": (4.0, 8.0)}
    omega_per_node: ClassVar[float] = 8 / 256

    def module(self, channels: int, fan_in: int | None = None) -> "Finer":
        """Return the Flax module."""
        sine = numerics.SINES[self.sine]
        return Finer(
            channels, self.width, self.depth, self.hidden_omega, sine, self.dot, fan_in, first_bias=self.first_bias
        )


class Finer(siren.Siren):
    """x_{l+1} = sin(ω (|u| + 1) u) with u = x_l W_l + b_l,  y = x_L W_L + b_L.

    The activation's local frequency ω (2 |u| + 1) grows with |u|, so that the first layer's biases, U(-k, k), select
    the band that the network can represent. All other initial weights and biases are SIREN's. The derivative includes
    that of |u| + 1; the authors' code treats this factor as a constant by default.
    """

    def phase(self, omega: Float[Array, ""] | float, u: Float[Array, "N M"]) -> Float[Array, "N M"]:
        """Return the pre-activation ω (|u| + 1) u."""
        return omega * ((jnp.abs(u) + 1.0) * u)
