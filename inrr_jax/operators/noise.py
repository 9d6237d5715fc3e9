"""Noise models: what a misfit counts as the distance between a prediction and noisy measurements."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.errors import UserError

LEAST_RATE = 1e-3
"""Smallest expected count for which the logarithm of the Poisson model is evaluated: predictions may be negative."""


@jax.tree_util.register_static
@dataclass(frozen=True)
class Gaussian:
    """y = p + sigma n with independent standard normal n: the misfit is (p - y)², for every sigma."""

    sigma: float | None = None
    """Standard deviation in the units of the measurements; None: unknown."""

    def misfit(self, predicted: Float[Array, "*m"], measured: Float[Array, "*m"]) -> Float[Array, "*m"]:
        """Return the squared differences."""
        return (predicted - measured) ** 2

    def draw(self, rng: np.random.Generator, clean: Float[np.ndarray, "*m"]) -> Float[np.ndarray, "*m"]:
        """Return clean + sigma n."""
        return (clean + (self.sigma or 0.0) * rng.normal(size=clean.shape)).astype(np.float32)


@jax.tree_util.register_static
@dataclass(frozen=True)
class Poisson:
    """peak y is a count with the expected value peak p.

    The negative log-likelihood of a count is peak p - peak y log(peak p) + constant. Near its minimum it is
    (peak/2) (p - y)² / p, so that it is multiplied by 2/peak to have the size of a squared error where p is near 1:

        misfit = 2 (p - y + y log(y / p)), which is 0 where p = y.
    """

    peak: float
    """Expected count where p = 1."""

    def __post_init__(self):
        if not self.peak > 0:
            raise UserError(f"peak={self.peak}: give the expected count of the value 1, a number above 0")

    def misfit(self, predicted: Float[Array, "*m"], measured: Float[Array, "*m"]) -> Float[Array, "*m"]:
        """Return the scaled negative log-likelihood, with a line instead of the logarithm at tiny predictions."""
        least = LEAST_RATE / self.peak
        rate = jnp.maximum(predicted, least)
        # Below the smallest rate the tangent continues the function: its slope drives predictions up again.
        below = jnp.minimum(predicted - least, 0.0)
        entropy = jnp.where(measured > 0, measured * jnp.log(jnp.maximum(measured, least) / rate), 0.0)
        return 2 * (rate - measured + entropy + below * (1 - measured / least))

    def draw(self, rng: np.random.Generator, clean: Float[np.ndarray, "*m"]) -> Float[np.ndarray, "*m"]:
        """Return counts over the peak; clean values below 0 count as 0."""
        return (rng.poisson(self.peak * np.maximum(clean, 0)) / self.peak).astype(np.float32)


@jax.tree_util.register_static
@dataclass(frozen=True)
class Transmission:
    """y = -log(count / photons), where the count is Poisson's with the expected value photons exp(-p).

    The negative log-likelihood of p is photons (exp(-p) + exp(-y) p) + constant. Its second derivative is
    photons exp(-p), so that it is multiplied by 2 / photons to have the size of a squared error where p is near 0:

        misfit = 2 exp(-y) (exp(y - p) - 1 + p - y), which is 0 where p = y.
    """

    photons: float
    """Expected count of an empty beam, where p = 0."""

    def __post_init__(self):
        if not self.photons > 0:
            raise UserError(f"photons={self.photons}: give the expected count of an empty beam, a number above 0")

    def misfit(self, predicted: Float[Array, "*m"], measured: Float[Array, "*m"]) -> Float[Array, "*m"]:
        """Return the scaled negative log-likelihood."""
        return 2 * jnp.exp(-measured) * (jnp.expm1(measured - predicted) + predicted - measured)

    def draw(self, rng: np.random.Generator, clean: Float[np.ndarray, "*m"]) -> Float[np.ndarray, "*m"]:
        """Return integrals from counts; half a photon stands for none."""
        counts = rng.poisson(self.photons * np.exp(-np.asarray(clean, np.float64)))
        return -np.log(np.maximum(counts, 0.5) / self.photons).astype(np.float32)


Noise = Gaussian | Poisson | Transmission
"""Every model has `misfit(predicted, measured)`, the negative log-likelihood of every measurement up to a constant, in
the size of a squared error, and `draw(rng, clean)`, which returns noisy measurements."""


def mean(values: Float[Array, "*m"], kept: Bool[Array | np.ndarray, "*#m"] | None) -> Float[Array, ""]:
    """Return the mean over the kept measurements; all of them if `kept` is None. `kept` may lack channels."""
    if kept is None:
        return values.mean()
    kept = jnp.broadcast_to(jnp.asarray(kept), values.shape)
    return jnp.sum(values, where=kept) / jnp.maximum(kept.sum(), 1)
