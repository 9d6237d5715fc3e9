"""Resampling: averages over blocks of the grid, whose inversion is super-resolution."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.problem import Domain, Evaluate, Evaluated, Request, draw_measurements


@jax.tree_util.register_static  # it holds no arrays, so the whole operator is a static part of a program
@dataclass(frozen=True)
class AreaAverage:
    """y_k = mean of f over the nodes of block k: an ideal sensor whose pixels are blocks of equal size.

    The misfit is the mean of the squared differences over blocks and channels. A step draws a random minibatch of the
    blocks, which estimates it without bias, and evaluates all nodes of each.
    """

    factor: tuple[int, ...]
    """Nodes of a block along each axis."""

    on_fibers = False

    def coarse(self, domain: Domain) -> tuple[int, ...]:
        """Return the number of blocks along each axis.

        Raises:
            UserError: the factor does not divide the domain's grid.
        """
        pairs = zip(domain.shape, self.factor, strict=False)
        if len(self.factor) != len(domain.shape) or any(f < 1 or n % f for n, f in pairs):
            raise UserError(
                f"area averages by {self.factor} on a grid of shape {domain.shape}: give one that divides it"
            )
        return tuple(n // f for n, f in zip(domain.shape, self.factor, strict=True))

    def request(
        self, measurements: Float[Array, "*coarse C"], domain: Domain, key: Key[Array, ""], count: int
    ) -> Request:
        """Draw `count` of the blocks with replacement, or take all of them if `count` is 0 or not below their number.

        Raises:
            UserError: the factor does not divide the domain's grid, or the measurements have another shape.
        """
        coarse = self.coarse(domain)
        expected = (*coarse, domain.channels)
        if measurements.shape != expected:
            raise UserError(f"area averages of shape {measurements.shape}: give {expected}, one per block and channel")
        index = draw_measurements(key, math.prod(coarse), count)
        return Request(index, self._points(index, domain))

    def misfit(self, measurements: Float[Array, "*coarse C"], evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean squared error of the averages over the requested blocks."""
        assert evaluated.values is not None
        assert evaluated.measured is not None
        flat = measurements.reshape(-1, measurements.shape[-1])
        return jnp.mean((self._averages(evaluated.values) - flat[evaluated.measured]) ** 2)

    def observed(self, domain: Domain) -> Bool[Array, "*grid"]:
        """Return False everywhere: an average fixes no single entry."""
        return jnp.zeros(domain.shape, bool)

    def predict(self, signal: Evaluate, domain: Domain) -> Float[Array, "*coarse C"]:
        """Return the averages over all blocks."""
        coarse = self.coarse(domain)
        values = signal(self._points(jnp.arange(math.prod(coarse)), domain))
        return self._averages(values).reshape(*coarse, -1)

    def _points(self, index: Int[Array, "B"], domain: Domain) -> Float[Array, "N D"]:
        """Return the coordinates of all nodes of the indexed blocks, block by block."""
        corners = jnp.unravel_index(index, self.coarse(domain))
        offsets = jnp.indices(self.factor).reshape(len(self.factor), 1, -1)
        nodes = tuple(c[:, None] * f + o for c, f, o in zip(corners, self.factor, offsets, strict=True))
        return grids.positions(domain.axes, nodes)

    def _averages(self, values: Float[Array, "N C"]) -> Float[Array, "B C"]:
        return values.reshape(-1, math.prod(self.factor), values.shape[-1]).mean(axis=1)
