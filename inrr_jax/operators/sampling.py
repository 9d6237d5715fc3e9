"""Sampling: values of a signal at scattered points, on or off its grid."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inrr_jax.errors import UserError
from inrr_jax.problem import Domain, Evaluate, Evaluated, Request, draw_measurements


class Sampling(NamedTuple):
    """y_i = f(p_i) at M points p_i.

    The misfit is the mean of (f(p_i) - y_i)² over the points and channels. A step draws a random minibatch of the
    points, which estimates it without bias.
    """

    points: Float[Array | np.ndarray, "M D"]
    """Coordinates on the domain, whose longest axis spans [-1, 1]."""

    @property
    def on_grid(self) -> bool:
        """False: scattered points are not those of the grid."""
        return False

    def request(self, measurements: Float[Array, "M C"], domain: Domain, key: Key[Array, ""], count: int) -> Request:
        """Draw `count` of the points with replacement, or take all of them if `count` is 0 or not below M.

        Raises:
            UserError: the points do not have the domain's dimensions, or the measurements have another shape.
        """
        self._check(measurements.shape, domain)
        index = draw_measurements(key, self.points.shape[0], count)
        return Request(index, jnp.asarray(self.points)[index])

    def misfit(self, measurements: Float[Array, "M C"], evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean squared error at the requested points."""
        assert evaluated.values is not None
        return jnp.mean((evaluated.values - measurements[evaluated.measured]) ** 2)

    def observed(self, domain: Domain) -> Bool[Array, "*grid"]:
        """Return False everywhere: scattered points fix no entry of the grid exactly."""
        return jnp.zeros(domain.shape, bool)

    def predict(self, signal: Evaluate, domain: Domain) -> Float[Array, "M C"]:
        """Return the signal at all points."""
        return signal(jnp.asarray(self.points))

    def _check(self, shape: tuple[int, ...], domain: Domain) -> None:
        dimensions = len(domain.shape)
        if self.points.ndim != 2 or self.points.shape[1] != dimensions:
            raise UserError(f"points of shape {self.points.shape}: give (M, {dimensions}), one row per point")
        expected = (self.points.shape[0], domain.channels)
        if shape != expected:
            raise UserError(f"measurements of shape {shape}: give {expected}, one row per point")
