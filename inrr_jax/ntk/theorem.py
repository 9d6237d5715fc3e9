"""The smoothness theorem in numbers: what a kernel predicts as omega grows and as it falls (docs/theory.md)."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inrr_jax import grids
from inrr_jax.ntk.blocks import Kernel
from inrr_jax.ntk.empirical import structured
from inrr_jax.ntk.infinite import siren
from inrr_jax.ntk.networks import network
from inrr_jax.ntk.regression import regress, ridge_weights
from inrr_jax.settings import FieldSettings


@dataclass(frozen=True)
class TheoremSettings:
    """What the theorem is shown on. Tuples are given in full: --config.widths="(64, 256)"."""

    seed: int = 0
    """Of samples, initialisations and masks."""
    depth: int = 5
    """Number of sine layers."""
    widths: tuple = (64, 256, 1024)
    """Of the finite networks; the last one also sets the infinite-width kernel's two parts in proportion."""
    draws: int = 5
    """Initialisations of each width."""
    omegas: tuple = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
    """For the curves over omega, rising; exponents are measured from 64 on."""
    shown: tuple = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
    """For the plot of predicted functions."""
    samples: int = 8
    """Training points on [-1, 1]."""
    jitter: float = 1e-2
    """Of the regression in one dimension, over the mean of the kernel's diagonal. Without a ridge, the smoothest
    kernels swing between the samples as a polynomial through all of them does."""
    images: tuple = ("astronaut", "baboon", "camera", "coins")
    size: int = 48
    """Side of the images in pixels."""
    rate: float = 0.5
    """Share of missing pixels in the images' masks."""
    image_omegas: tuple = (2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 50.0, 60.0, 80.0)
    image_jitter: float = 1e-3
    """Of the regression on images: enough ridge for the smoothest kernel to be stable."""


class Line(NamedTuple):
    """A signal sampled on [-1, 1], and where to look at its prediction."""

    samples: Float[Array, "N 1"]
    targets: Float[Array, "N 1"]
    points: Float[Array, "M 1"]

    def away(self) -> Bool[Array, "M"]:
        """Tell which points lie further from every sample than a quarter of the mean gap."""
        distance = jnp.min(jnp.abs(self.points - self.samples.T), axis=1)
        return distance > 0.5 / len(self.samples)


def sampled_line(key: Key[Array, ""], count: int, points: int) -> Line:
    """Draw one sample in the middle 60 % of each of `count` equal cells, with targets uniform in [0, 1]."""
    place, height = jax.random.split(key)
    offsets = jax.random.uniform(place, (count, 1), minval=0.2, maxval=0.8)
    samples = -1.0 + 2.0 / count * (jnp.arange(count)[:, None] + offsets)
    return Line(samples, jax.random.uniform(height, (count, 1)), jnp.linspace(-1.0, 1.0, points)[:, None])


class Limits(NamedTuple):
    """What the theorem speaks of, at one omega."""

    prediction: Float[Array, "M"]
    off_diagonal: Float[Array, ""]
    """Root mean square of K(x, x') / sqrt(K(x, x) K(x', x')) over pairs of samples."""
    constant: Float[Array, ""]
    """Mean of the prediction away from the samples."""
    spread: Float[Array, ""]
    """Root mean square deviation from that mean, away from the samples."""
    slope: Float[Array, ""]
    """Root mean square slope of the prediction over [-1, 1], per unit of x."""


def limits(kernel: Kernel, params, line: Line, jitter: Float[Array, ""] | float) -> Limits:
    """Predict a line by kernel regression and measure what the theorem speaks of. Traceable: NaN if singular."""
    gram = kernel(params, line.samples, line.samples)
    weights = ridge_weights(gram, line.targets, jitter)

    def predict(points):
        return (kernel(params, points, line.samples) @ weights)[:, 0]

    prediction, slope = jax.jvp(predict, (line.points,), (jnp.ones_like(line.points),))
    away = line.away()
    constant = jnp.mean(prediction, where=away)
    return Limits(
        prediction,
        _off_diagonal(gram),
        constant,
        jnp.sqrt(jnp.mean((prediction - constant) ** 2, where=away)),
        jnp.sqrt(jnp.mean(slope**2)),
    )


def _off_diagonal(gram):
    scale = jnp.sqrt(jnp.diag(gram))
    others = ~np.eye(len(gram), dtype=bool)
    return jnp.sqrt(jnp.mean((gram / (scale[:, None] * scale[None, :])) ** 2, where=others))


@partial(jax.jit, static_argnames=("width", "depth"))
def infinite_limits(
    omega: Float[Array, ""] | float, line: Line, jitter: Float[Array, ""] | float, *, width: int, depth: int
) -> Limits:
    """Measure the limits of the infinite-width kernel."""
    return limits(partial(siren, width=width, depth=depth), omega, line, jitter)


@partial(jax.jit, static_argnames=("width", "depth", "draws"))
def empirical_limits(
    key: Key[Array, ""],
    omega: Float[Array, ""] | float,
    line: Line,
    jitter: Float[Array, ""] | float,
    *,
    width: int,
    depth: int,
    draws: int,
) -> Limits:
    """Measure the limits of the kernels of `draws` networks at their start: a leading axis of draws."""
    net = network(FieldSettings(width=width, depth=depth, sine="exact"), 1)
    kernel = partial(structured, partial(net.apply, omega=omega))
    return jax.lax.map(lambda key: limits(kernel, net.init(key), line, jitter), jax.random.split(key, draws))


def slope_limit(line: Line, omega: Float[Array, ""] | float, *, depth: int) -> Float[Array, ""]:
    """Root mean square slope that the prediction of the infinite-width kernel approaches as omega grows.

    Each sample becomes a bump y_i h(omega (x - x_i)) of its own, with the kernel's profile

        h(s) = sinc(s) prod_{l=2}^{L} C_l(s) / C_l(0),    slope^2 = omega / 2 sum_i y_i^2 integral h'(s)^2 ds,

    where C_l belongs to x and x' at a distance s / omega, far from 0: p = sinc s and q = 0.
    """
    s = jnp.linspace(-600.0, 600.0, 240_001)

    def profile(s):
        covariance, own, height = jnp.sinc(s / jnp.pi), 1.0, jnp.sinc(s / jnp.pi)
        for _ in range(depth - 1):
            height = height * jnp.cosh(covariance) / jnp.cosh(own)
            covariance, own = 2 * jnp.exp(-own) * jnp.sinh(covariance), -jnp.expm1(-2.0 * own)
        return height

    _, slope = jax.jvp(profile, (s,), (jnp.ones_like(s),))
    return jnp.sqrt(omega / 2 * jnp.sum(line.targets**2) * jnp.trapezoid(slope**2, s))


class Halves(NamedTuple):
    """Squared error on missing pixels, averaged, in the left and the right half of an image and in all of it."""

    left: float
    right: float
    whole: float


def image_errors(
    image: Float[np.ndarray, "H W 1"],
    mask: Bool[np.ndarray, "H W"],
    gram: Float[Array, "HW HW"],
    jitter: float,
) -> Halves:
    """Predict a grey image from its observed pixels by kernel regression about their mean; clipped to [0, 1]."""
    truth, observed = jnp.asarray(image.reshape(-1, 1)), np.asarray(mask).reshape(-1)
    mean = jnp.mean(truth[observed])
    fitted = regress(gram[observed][:, observed], gram[:, observed], truth[observed] - mean, jitter=jitter)
    error = ((jnp.clip(fitted + mean, 0.0, 1.0) - truth) ** 2).reshape(mask.shape)
    left = np.broadcast_to(np.arange(mask.shape[1]) < mask.shape[1] / 2, mask.shape)
    return Halves(*(float(jnp.mean(error, where=~mask & half)) for half in (left, ~left, left | ~left)))


def pixels(side: int, dtype=jnp.float32) -> Float[Array, "N 2"]:
    """Return the coordinates of a square image's pixels in row-major order."""
    rows, columns = grids.axes((side, side))
    return (
        jnp.stack(jnp.meshgrid(jnp.asarray(rows), jnp.asarray(columns), indexing="ij"), -1).reshape(-1, 2).astype(dtype)
    )
