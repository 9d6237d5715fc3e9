"""Quantities of the smoothness theorem: what kernel regression predicts as omega grows and as it falls.

docs/theory.md states and proves the theorem; study.py measures these quantities over omega, width and images.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inrr_jax.errors import UserError
from inrr_jax.ntk.blockwise import Kernel
from inrr_jax.ntk.empirical import structured
from inrr_jax.ntk.infinite import siren
from inrr_jax.ntk.networks import siren_network
from inrr_jax.ntk.regression import regress, ridge_weights

LARGE = 64.0
"""The omega from which on exponents are measured."""


@dataclass(frozen=True)
class TheoremSettings:
    """Settings of the numerical study. Tuples are given whole on the command line: --config.widths="(64, 256, 512)"."""

    seed: int = 0
    """Seed of samples, initialisations and masks."""
    depth: int = 5
    """Number of sine layers."""
    widths: tuple = (64, 256, 1024)
    """Widths of the finite networks. The last one is also the n of the infinite-width kernel n T + B."""
    draws: int = 5
    """Number of initialisations of each width."""
    omegas: tuple = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
    """Frequencies of the study in one dimension, rising, at least three of them not below 64 (`LARGE`)."""
    shown: tuple = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
    """Frequencies of the plot of predicted functions."""
    samples: int = 8
    """Number of training points on [-1, 1]."""
    jitter: float = 1e-2
    """Ridge of the regression in one dimension, in units of the mean of the kernel's diagonal. Without a ridge, the
    prediction of the smoothest kernels oscillates between the samples like an interpolating polynomial."""
    images: tuple = ("astronaut", "baboon", "camera", "coins")
    """Images to recover: bundled names or paths."""
    size: int = 48
    """Side of the images in pixels."""
    rate: float = 0.5
    """Share of missing pixels in the images' masks."""
    image_omegas: tuple = (2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 50.0, 60.0, 80.0)
    """Frequencies of the study on images."""
    image_jitter: float = 1e-3
    """Ridge of the regression on images, in units of the mean of the kernel's diagonal. This is enough to keep the
    factorisation of the smoothest kernel stable."""


def check(settings: TheoremSettings) -> None:
    """Check the ranges that the types of the settings do not express.

    Raises:
        UserError: if a tuple is empty or has an entry that is not positive, or if there are too few omegas, widths,
            draws, samples or pixels for the study.
    """
    kinds = {"omegas": float | int, "shown": float | int, "image_omegas": float | int, "widths": int}
    for name, kind in kinds.items():
        values = getattr(settings, name)
        if not values or not all(isinstance(value, kind) and value > 0 for value in values):
            what = "whole numbers" if kind is int else "numbers"
            raise UserError(f"{name}={values!r}: give positive {what}, such as --config.{name}='(64, 256, 1024)'")
    # A confidence interval of a regression line takes at least three points.
    if sum(omega >= LARGE for omega in settings.omegas) < 3:
        raise UserError(
            f"omegas={settings.omegas}: give at least three of {LARGE:g} or more, from which exponents are measured"
        )
    if len(settings.widths) < 3:
        raise UserError(
            f"widths={settings.widths}: give at least three, from which the exponent of the networks' noise is measured"
        )
    for name, least in (("draws", 1), ("samples", 2), ("size", 4)):
        if getattr(settings, name) < least:
            raise UserError(f"{name}={getattr(settings, name)}: give at least {least}")


class Line(NamedTuple):
    """A signal sampled on [-1, 1], and the points at which its prediction is evaluated."""

    samples: Float[Array, "N 1"]
    """Positions of the samples."""
    targets: Float[Array, "N 1"]
    """Values of the signal at the samples."""
    points: Float[Array, "M 1"]
    """Positions of the prediction."""

    def away(self) -> Bool[Array, "M"]:
        """Return which points are further from every sample than a quarter of the mean gap between samples."""
        distance = jnp.min(jnp.abs(self.points - self.samples.T), axis=1)
        # The mean gap between N samples on an interval of length 2 is 2 / N.
        return distance > 0.5 / len(self.samples)


def sampled_line(key: Key[Array, ""], count: int, points: int) -> Line:
    """Return `count` random samples of a line, with targets uniform in [0, 1], and `points` equidistant points.

    Each sample is uniform in the middle 60 % of one of `count` equal cells of [-1, 1], which keeps samples apart.
    """
    place, height = jax.random.split(key)
    offsets = jax.random.uniform(place, (count, 1), minval=0.2, maxval=0.8)
    samples = -1.0 + 2.0 / count * (jnp.arange(count)[:, None] + offsets)
    return Line(samples, jax.random.uniform(height, (count, 1)), jnp.linspace(-1.0, 1.0, points)[:, None])


class Limits(NamedTuple):
    """The quantities whose limits the theorem states, at one omega."""

    prediction: Float[Array, "M"]
    """The prediction at the line's points."""
    off_diagonal: Float[Array, ""]
    """Root mean square of K(x, x') / sqrt(K(x, x) K(x', x')) over pairs of different samples."""
    constant: Float[Array, ""]
    """Mean of the prediction away from the samples."""
    standard_deviation: Float[Array, ""]
    """Root mean square deviation of the prediction from `constant`, away from the samples."""
    slope: Float[Array, ""]
    """Root mean square slope of the prediction over [-1, 1], per unit of x."""


def limits(kernel: Kernel, params, line: Line, jitter: Float[Array, ""] | float) -> Limits:
    """Return the theorem's quantities for the prediction of a line by kernel regression.

    The function can be traced and therefore does not raise: a singular kernel gives NaN.

    Args:
        kernel: the kernel.
        params: the kernel's first argument.
        line: the samples and the points of the prediction.
        jitter: ridge of the regression, in units of the mean of the kernel's diagonal.
    """
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
    """Return the root mean square of the off-diagonal entries, after scaling the diagonal to one."""
    scale = jnp.sqrt(jnp.diag(gram))
    others = ~np.eye(len(gram), dtype=bool)
    return jnp.sqrt(jnp.mean((gram / (scale[:, None] * scale[None, :])) ** 2, where=others))


@partial(jax.jit, static_argnames=("width", "depth"))
def infinite_limits(
    omega: Float[Array, ""] | float, line: Line, jitter: Float[Array, ""] | float, *, width: int, depth: int
) -> Limits:
    """Return the theorem's quantities for the kernel of an infinitely wide SIREN (see `limits` and `siren`)."""
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
    """Return the theorem's quantities for the empirical kernels of `draws` SIRENs at initialisation.

    Every field of the result has a leading axis of draws. The other arguments are those of `infinite_limits`.
    """
    net = siren_network(width, depth, dimensions=1)
    kernel = partial(structured, partial(net.apply, omega=omega))
    return jax.lax.map(lambda key: limits(kernel, net.init(key), line, jitter), jax.random.split(key, draws))


def slope_limit(line: Line, omega: Float[Array, ""] | float, *, depth: int) -> Float[Array, ""]:
    """Return the root mean square slope that the prediction of the infinite-width kernel approaches as omega grows.

    The prediction becomes a sum of bumps y_i h(omega (x - x_i)), one per sample, with the kernel's profile

        h(s) = sinc(s) prod_{l=2}^{L} C_l(s) / C_l(0),    slope^2 = omega / 2 sum_i y_i^2 integral h'(s)^2 ds,

    where L is the depth and C_l is the moment of layer l (infinite.py) between two points at a distance s / omega from
    each other and far from 0, for which p = sinc s and q = 0. The ridge is neglected.
    """
    # h'(s)^2 falls like 1 / s^2, so that less than 0.2 % of the integral lies beyond |s| = 600.
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
    """Mean squared error on the missing pixels of the left half, of the right half and of the whole image."""

    left: float
    right: float
    whole: float


def image_errors(
    image: Float[np.ndarray, "H W 1"],
    mask: Bool[np.ndarray, "H W"],
    gram: Float[Array, "HW HW"],
    jitter: float,
) -> Halves:
    """Return the errors of an image that kernel regression recovers from its observed pixels.

    The regression predicts the difference from the mean of the observed pixels; the result is clipped to [0, 1].

    Args:
        image: grey values in [0, 1].
        mask: True where a pixel is observed.
        gram: the kernel between all pixels, in row-major order.
        jitter: ridge of the regression, in units of the mean of the kernel's diagonal.

    Raises:
        UserError: if the kernel is singular in spite of the ridge.
    """
    truth, observed = jnp.asarray(image.reshape(-1, 1)), np.asarray(mask).reshape(-1)
    mean = jnp.mean(truth[observed])
    fitted = regress(gram[observed][:, observed], gram[:, observed], truth[observed] - mean, jitter=jitter)
    error = ((jnp.clip(fitted + mean, 0.0, 1.0) - truth) ** 2).reshape(mask.shape)
    left = np.broadcast_to(np.arange(mask.shape[1]) < mask.shape[1] / 2, mask.shape)
    return Halves(*(float(jnp.mean(error, where=~mask & half)) for half in (left, ~left, left | ~left)))
