"""Deep matrix factorisation: a signal on a grid as a product of matrices (DMF: Arora et al., NeurIPS 2019)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import grids

Factors = dict[str, Float[Array, "C _ _"]]


class Factorization(NamedTuple):
    """X_c = W_1 W_2 ... W_N for every channel c, constant on each pixel of the grid.

    The inner sizes are min(H, W): nothing but the small start bounds the rank. Each entry of a factor with K rows is
    N(0, scale^(2/N) / K), which makes those of X at the start scale / sqrt(H) on root mean square; gradient descent
    then grows few singular values at a time. No sigmoid: the values are unbounded.
    """

    grid: tuple[int, ...]
    """(H, W)"""
    channels: int
    factors: int
    """N, at least 2."""
    scale: float

    def init(self, key: Key[Array, ""]) -> Factors:
        """Draw the factors, from `factor0` [C, H, min(H, W)] to the last one [C, min(H, W), W]."""
        inner = min(self.grid)
        sizes = [self.grid[0], *[inner] * (self.factors - 1), self.grid[1]]
        params = {}
        for i, (rows, columns) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            draw = jax.random.normal(jax.random.fold_in(key, i), (self.channels, rows, columns))
            params[f"factor{i}"] = self.scale ** (1 / self.factors) * rows**-0.5 * draw
        return params

    def apply(
        self, params: Factors, points: Float[Array, "N 2"], omega: Float[Array, ""] | float
    ) -> Float[Array, "N C"]:
        """Return the entries X_ij of the pixels nearest to the points; omega has no part in it."""
        del omega
        rows, columns = grids.nearest(points, self.grid)
        left = params["factor0"]
        for i in range(1, self.factors - 1):
            left = left @ params[f"factor{i}"]
        right = params[f"factor{self.factors - 1}"]
        return jnp.einsum("cnk,ckn->nc", left[:, rows, :], right[:, :, columns])
