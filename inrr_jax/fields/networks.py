"""Networks whose activation is the rectifier: on the coordinates, or on random Fourier features of them."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields.siren import Linear


class Relu(nn.Module):
    """x_{l+1} = max(0, x_l W_l + b_l),  y = x_L W_L + b_L.

    W and b ~ U(-sqrt(6/K), sqrt(6/K)) for K inputs: He's variance 2/K keeps the signal's second moment from layer to
    layer (He et al., ICCV 2015), and the biases spread the kinks over the domain.
    """

    features: int
    width: int = 256
    depth: int = 5
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(self, x: Float[Array, "N K"], omega: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Evaluate the network, the output unbounded; omega has no part in it."""
        del omega
        for layer in range(self.depth):
            dot = self.dot if layer else jnp.dot  # coordinates stay float32, as in SIREN
            x = nn.relu(Linear(self.width, (6.0 / x.shape[-1]) ** 0.5, dot, name=f"hidden{layer}")(x))
        return Linear(self.features, (6.0 / self.width) ** 0.5, name="last")(x)


class Fourier(nn.Module):
    """A ReLU network of [cos(omega x B), sin(omega x B)] with B ~ N(0, 1), drawn once and not trained.

    Tancik et al., NeurIPS 2020. Their cos(2 pi x B') on [0, 1] with B' ~ N(0, s^2) has omega = pi s here, on [-1, 1].
    """

    features: int
    width: int = 256
    depth: int = 5
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(self, points: Float[Array, "N K"], omega: Float[Array, ""] | float) -> Float[Array, "N M"]:
        """Evaluate the network at points in [-1, 1]^K; omega in radians, the output unbounded."""
        shape = (points.shape[-1], max(1, self.width // 2))
        directions = jax.lax.stop_gradient(self.param("frequencies", nn.initializers.normal(1.0), shape))
        phases = omega * (points @ directions)
        encoded = jnp.concatenate([jnp.cos(phases), jnp.sin(phases)], axis=-1)
        return Relu(self.features, self.width, self.depth, self.dot, name="network")(encoded, omega)
