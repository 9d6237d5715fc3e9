"""SIREN: a multilayer perceptron with sine activations (Sitzmann et al., NeurIPS 2020, section 3.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax import numerics
from inrr_jax.fields.base import Field, NetworkConfig, network
from inrr_jax.fields.parts.layers import Linear
from inrr_jax.options import at_least, choice, hyper
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Options of a SIREN."""

    name: str = choice("siren")
    omega: float = hyper(0.0, 0.0)
    """Frequency factor of the first layer, in radians per half of the domain's longest side. 0: 15 for every 256 nodes
    of that side, and twice as much with the term `guide`, which suppresses the noise that higher frequencies would add.
    The paper has 30 at 256 nodes."""
    hidden_omega: float = at_least(1.0, 0.0, above=True)
    """Factor in the other layers, divided out of their initial weights: 1 in INRR, 30 in SIREN."""
    sine: str = choice("fast", "exact")
    """fast: one polynomial, error below 8e-6 (numerics.py); exact: XLA's sine."""

    candidates: ClassVar = {"omega": (15.0, 30.0)}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return network(self, domain, self.module(domain.channels))

    def module(self, channels: int, fan_in: int | None = None) -> "Siren":
        """Return the Flax module."""
        sine = numerics.SINES[self.sine]
        return Siren(channels, self.width, self.depth, self.hidden_omega, sine, self.dot, fan_in)


class Siren(nn.Module):
    """x_1 = sin(ω (x W_0 + b_0)),  x_{l+1} = sin(ω_h (x_l W_l + b_l)),  y = x_L W_L + b_L.

    The first layer's weights are U(-1/K, 1/K) for K inputs, all others U(-sqrt(6/K), sqrt(6/K)) / ω_h, so that every
    pre-activation has a variance near 1 at the start. With ω_h = 1 this is INRR's network, with ω_h = ω = 30 SIREN's.
    Both have the same sine layers at the start, but take different steps under Adam, and SIREN's output is 1/30 of
    INRR's.
    """

    features: int
    width: int = 256
    depth: int = 5
    hidden_omega: float = 1.0
    sine: Callable[[Float[Array, "..."]], Float[Array, "..."]] = jnp.sin
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot
    """Product of the square matrices, where the time is spent. The first layer's frequencies need float32, and the last
    layer has few columns, so both always use jnp.dot."""
    fan_in: int | None = None
    """K in the first layer's bound, if some of its inputs should not count."""
    first_bias: float | None = None
    """Bound of the first layer's biases; None: as for its weights."""

    @nn.compact
    def __call__(self, points: Float[Array, "N K"], omega: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Evaluate the network.

        Each sine layer's pre-activation, including the frequency factor, is sown as an intermediate `pre_activation`.

        Args:
            points: coordinates in [-1, 1]^K.
            omega: ω in radians.

        Returns:
            Unbounded values.
        """
        bound = 1.0 / (self.fan_in or points.shape[-1])
        first = Linear(self.width, bound, bias_bound=self.first_bias, name="first")
        x = self._activate(self.phase(omega, first(points)))
        bound = (6.0 / self.width) ** 0.5 / self.hidden_omega
        for layer in range(1, self.depth):
            hidden = Linear(self.width, bound, self.dot, name=f"hidden{layer}")
            x = self._activate(self.phase(self.hidden_omega, hidden(x)))
        return Linear(self.features, bound, name="last")(x)

    def phase(self, omega: Float[Array, ""] | float, u: Float[Array, "N M"]) -> Float[Array, "N M"]:
        """Return the pre-activation ω u of a sine layer with x W + b = u."""
        return omega * u

    def _activate(self, pre_activation):
        self.sow("intermediates", "pre_activation", pre_activation)
        return self.sine(pre_activation)
