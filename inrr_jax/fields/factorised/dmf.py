"""Deep matrix factorisation: a picture as a product of matrices (DMF: Arora et al., NeurIPS 2019)."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.fields.base import Auxiliary, Field, FieldConfig, Hyper
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain

Factors = dict[str, Float[Array, "C _ _"]]


@dataclass(frozen=True)
class Config(FieldConfig):
    """Options of a deep matrix factorisation, which evaluates its points all at once and in float32."""

    name: str = choice("dmf")
    factors: int = at_least(3, 2)
    """Number of matrices in the product."""
    scale: float = at_least(1e-3, 0.0, above=True)
    """Initial scale of the product, whose entries are scale / sqrt(H): it is small so that the rank grows from one."""

    # Muon takes steps of one length along all singular vectors, which would lift the small singular values along with
    # the large ones; Adam does not. The weights that suit networks are too small for the unbounded product.
    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 2e-2}
    weight_factor: ClassVar[float] = 4.0

    def build(self, domain: Domain) -> Field:
        """Build the field for a picture.

        Raises:
            UserError: the domain does not have two axes.
        """
        if len(domain.shape) != 2:
            raise UserError(
                f"field.name=dmf on a grid of shape {domain.shape}: it needs (height, width); use a network"
            )
        factorization = Factorization(domain.shape, domain.channels, self.factors, self.scale)
        return Field(factorization.init, factorization.apply)

    @property
    def size(self) -> str:
        """The number of factors."""
        return f"{self.factors} factors"


class Factorization(NamedTuple):
    """X_c = W_1 W_2 ... W_N for every channel c, constant on each pixel of the grid.

    The inner sizes are min(H, W), so that nothing but the small initial scale limits the rank. Each entry of a factor
    with K rows is N(0, scale^(2/N) / K), which gives the entries of X a root mean square of scale / sqrt(H) at the
    start. Gradient descent then grows few singular values at a time. The values are unbounded: a sigmoid would not keep
    the rank low.
    """

    grid: tuple[int, ...]
    """(H, W)"""
    channels: int
    factors: int
    """N, at least 2."""
    scale: float

    def init(self, key: Key[Array, ""], auxiliary: Auxiliary) -> Factors:
        """Draw the factors, from `factor0` [C, H, min(H, W)] to the last one [C, min(H, W), W]."""
        inner = min(self.grid)
        sizes = [self.grid[0], *[inner] * (self.factors - 1), self.grid[1]]
        params = {}
        for i, (rows, columns) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            draw = jax.random.normal(jax.random.fold_in(key, i), (self.channels, rows, columns))
            params[f"factor{i}"] = self.scale ** (1 / self.factors) * rows**-0.5 * draw
        return params

    def apply(self, params: Factors, points: Float[Array, "N 2"], hyper: Hyper) -> Float[Array, "N C"]:
        """Return the entries X_ij of the pixels nearest to the points."""
        rows, columns = grids.nearest(points, self.grid)
        left = params["factor0"]
        for i in range(1, self.factors - 1):
            left = left @ params[f"factor{i}"]
        right = params[f"factor{self.factors - 1}"]
        return jnp.einsum("cnk,ckn->nc", left[:, rows, :], right[:, :, columns])
