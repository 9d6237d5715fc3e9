"""SIREN: a multilayer perceptron whose activation is the sine (Sitzmann et al., NeurIPS 2020, section 3.2)."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Initializer = Callable[..., Float[Array, "..."]]


def symmetric_uniform(bound: float) -> Initializer:
    """Return the initialiser of U(-bound, bound)."""

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


class Linear(nn.Module):
    """x W + b with W and b ~ U(-bound, bound)."""

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


class Siren(nn.Module):
    """x_1 = sin(omega (x W_0 + b_0)),  x_{l+1} = sin(omega_h (x_l W_l + b_l)),  y = x_L W_L + b_L.

    The first layer's weights are U(-1/K, 1/K) for K inputs, all others U(-sqrt(6/K), sqrt(6/K)) / omega_h: every
    pre-activation then has a variance near 1 at the start. omega_h = 1 is INRR's network, omega_h = omega = 30 SIREN's:
    the same sine layers at the start, under other steps of Adam, and 1/30 of the output. `dot` multiplies the square
    matrices, where the time goes; the frequencies of the first layer and the few columns of the last stay float32.
    `fan_in` is the K of the first layer where not all of its inputs are to count.
    """

    features: int
    width: int = 256
    depth: int = 5
    hidden_omega: float = 1.0
    sine: Callable[[Float[Array, "..."]], Float[Array, "..."]] = jnp.sin
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot
    fan_in: int | None = None

    @nn.compact
    def __call__(self, points: Float[Array, "N K"], omega: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Evaluate the network at points in [-1, 1]^K; omega in radians, the output unbounded.

        Each sine layer's pre-activation, factor included, is sown as an intermediate `pre_activation`.
        """
        first = Linear(self.width, 1.0 / (self.fan_in or points.shape[-1]), name="first")
        x = self._activate(omega * first(points))
        bound = (6.0 / self.width) ** 0.5 / self.hidden_omega
        for layer in range(1, self.depth):
            hidden = Linear(self.width, bound, self.dot, name=f"hidden{layer}")
            x = self._activate(self.hidden_omega * hidden(x))
        return Linear(self.features, bound, name="last")(x)

    def _activate(self, pre_activation):
        self.sow("intermediates", "pre_activation", pre_activation)
        return self.sine(pre_activation)
