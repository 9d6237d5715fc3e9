"""WIRE: a multilayer perceptron with complex Gabor wavelets as activations (Saragadam et al., CVPR 2023)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields.base import Field, NetworkConfig, network
from inrr_jax.fields.parts.layers import symmetric_uniform
from inrr_jax.options import choice, hyper
from inrr_jax.problem import Domain

Complex = tuple[Float[Array, "N _"], Float[Array, "N _"]]
"""Real and imaginary part. Two real arrays let the optimisers and the mixed-precision products stay real."""


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Options of WIRE. Its `width` counts complex units, each with the parameters of two real ones."""

    name: str = choice("wire")
    omega: float = hyper(20.0, 0.0)
    """ω of the wavelets in all layers, in radians. 0: as for `siren`."""
    gabor_scale: float = hyper(10.0, 0.0)
    """s of the wavelets in all layers: the inverse width of their Gaussian envelope."""

    candidates: ClassVar = {"omega": (10.0, 20.0)}
    # Muon would make the real and the imaginary part of a complex matrix orthogonal one by one, which means nothing.
    habits: ClassVar = {"optimizer.name": "adam"}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return network(self, domain, Wire(domain.channels, self.width, self.depth, self.dot))


class ComplexLinear(nn.Module):
    """The layer x W + b with complex W and b, whose parts are U(-1/sqrt(K), 1/sqrt(K)) for K inputs."""

    features: int
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(self, x: Complex) -> Complex:
        """Apply the layer by four real products."""
        real, imaginary = _parts(self, "kernel", (x[0].shape[-1], self.features), x)
        bias, bias_imaginary = _parts(self, "bias", (self.features,), x)
        return (
            self.dot(x[0], real) - self.dot(x[1], imaginary) + bias[None, :],
            self.dot(x[0], imaginary) + self.dot(x[1], real) + bias_imaginary[None, :],
        )


class RealLinear(nn.Module):
    """The real part of x W + b, with the initial weights of `ComplexLinear`; the imaginary part of b has no effect."""

    features: int

    @nn.compact
    def __call__(self, x: Complex) -> Float[Array, "N M"]:
        """Apply the layer by two real products."""
        real, imaginary = _parts(self, "kernel", (x[0].shape[-1], self.features), x)
        bias = self.param("bias", symmetric_uniform(x[0].shape[-1] ** -0.5), (self.features,))
        return x[0] @ real - x[1] @ imaginary + bias[None, :]


def _parts(module: nn.Module, name: str, shape: tuple[int, ...], x: Complex) -> list[Float[Array, "..."]]:
    """Declare the real and the imaginary part of a parameter of a layer with inputs x."""
    init = symmetric_uniform(x[0].shape[-1] ** -0.5)
    return [module.param(part, init, shape) for part in (name, f"{name}_imaginary")]


class Wire(nn.Module):
    """x_{l+1} = ψ(x_l W_l + b_l),  y = Re(x_L W_L + b_L),  ψ(u) = exp(j ω u - |s u|²).

    The wavelet ψ is a complex exponential under a Gaussian envelope, so that every unit is localised in space and in
    frequency. The inputs are real, all other activations complex.
    """

    features: int
    width: int = 256
    depth: int = 5
    dot: Callable[..., Float[Array, "N M"]] = jnp.dot

    @nn.compact
    def __call__(
        self, points: Float[Array, "N K"], omega: Float[Array, ""] | float, gabor_scale: Float[Array, ""] | float
    ) -> Float[Array, "N M"]:
        """Evaluate the network at points in [-1, 1]^K; its values are unbounded."""
        x = points, jnp.zeros_like(points)
        for layer in range(self.depth):
            dot = self.dot if layer else jnp.dot  # coordinates need float32, as in SIREN
            x = gabor(ComplexLinear(self.width, dot, name=f"hidden{layer}")(x), omega, gabor_scale)
        return RealLinear(self.features, name="last")(x)


def gabor(u: Complex, omega: Float[Array, ""] | float, scale: Float[Array, ""] | float) -> Complex:
    """Return exp(j ω u - |s u|²) = exp(-ω Im u - s² |u|²) (cos(ω Re u) + j sin(ω Re u))."""
    real, imaginary = u
    envelope = jnp.exp(-omega * imaginary - scale**2 * (real**2 + imaginary**2))
    return envelope * jnp.cos(omega * real), envelope * jnp.sin(omega * real)
