"""Resampling: averages over blocks of the grid, whose inversion is super-resolution."""

import math
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.operators.on_grid import LocalOperator
from inrr_jax.problem import Domain


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AreaAverage(LocalOperator):
    """y_k = mean of f over the nodes of block k: an ideal sensor whose pixels are blocks of equal size."""

    factor: tuple[int, ...] = field(metadata={"static": True})
    """Nodes of a block along each axis."""

    def shape(self, domain: Domain) -> tuple[int, ...]:
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

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*coarse C"]:
        """Return the averages over all blocks."""
        split = [part for n, f in zip(values.shape, self.factor, strict=False) for part in (n // f, f)]
        return values.reshape(*split, -1).mean(axis=tuple(range(1, len(split), 2)))

    def points(self, index: Int[Array, "B"], domain: Domain) -> Float[Array, "N D"]:
        """Return the coordinates of all nodes of the indexed blocks, block by block."""
        corners = jnp.unravel_index(index, self.shape(domain))
        offsets = jnp.indices(self.factor).reshape(len(self.factor), 1, -1)
        nodes = tuple(c[:, None] * f + o for c, f, o in zip(corners, self.factor, offsets, strict=True))
        return grids.positions(domain.axes, nodes)

    def combine(self, values: Float[Array, "N C"], index: Int[Array, "B"]) -> Float[Array, "B C"]:
        """Return the mean over the nodes of each block."""
        return values.reshape(-1, math.prod(self.factor), values.shape[-1]).mean(axis=1)
