"""K-planes: features on one plane per pair of axes, and a small decoder (Fridovich-Keil et al., CVPR 2023)."""

import itertools
import math
from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax import devices, grids
from inrr_jax.errors import UserError
from inrr_jax.fields.base import Field, FieldConfig, tiled
from inrr_jax.fields.relu import Relu
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain
from inrr_jax.types import Params

COMBINE = {"product": mul, "sum": add}
"""By the option `combine`."""


@dataclass(frozen=True)
class Config(FieldConfig):
    """Options of a field of feature planes."""

    name: str = choice("planes")
    combine: str = choice("product", "sum")
    """How the features of all planes are combined: product, as in K-planes; sum, as in tri-planes."""
    features: int = at_least(16, 1)
    """M, the features of each plane."""
    plane_share: float = at_least(0.5, 0.0, above=True, high=1.0)
    """Nodes of a plane along each axis as a share of the grid's, at least 2."""
    decoder_width: int = at_least(32, 1)
    """Units of each hidden layer of the decoder."""
    decoder_depth: int = at_least(1, 0)
    """Hidden layers of the decoder, a ReLU network; 0: a linear map."""

    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 1e-2, "train.fibers": 0}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain: f(p) = decoder(prod over pairs of axes a < b of P_ab(p_a, p_b)).

        The domain's bounds are applied to the values, as for networks.

        Raises:
            UserError: the domain has a single axis and therefore no plane.
        """
        shape = domain.shape
        if len(shape) < 2:
            raise UserError(f"field.name=planes on a grid of shape {shape}: it needs at least two axes; use siren")
        planes = Planes(shape, self.plane_share, self.features, self.combine)
        decoder = Relu(domain.channels, self.decoder_width, self.decoder_depth, self.dot)

        def init(key, auxiliary):
            like = jax.ShapeDtypeStruct((1, self.features), jnp.float32)
            return {"decoder": decoder.lazy_init(key, like)["params"], **planes.init(key)}

        def decode(params, features, hyper):
            return domain.squash(decoder.apply({"params": params["decoder"]}, features))

        def apply(params, points, hyper):
            points = devices.share(points) if self.sharded else points
            return decode(params, planes.at(params, domain.places(points)), hyper)

        def on_grid(params, hyper):
            # In tiles, because the decoder's activations would take several times the memory of the features.
            values = tiled(decode, self.tile)(params, planes.on_grid(params), hyper)
            return values.reshape(*shape, domain.channels)

        return Field(init, tiled(apply, self.tile), on_grid)

    @property
    def size(self) -> str:
        """The features per plane, and width and depth of the decoder."""
        return f"{self.features} features, {self.decoder_width} x {self.decoder_depth}"


class Planes(NamedTuple):
    """Features P_ab [n_a, n_b, M] for every pair of axes a < b, bilinear between their nodes.

    A plane has fewer nodes than the grid has along its axes, so that it is smooth at the scale of the grid.
    """

    grid: tuple[int, ...]
    share: float
    features: int
    combine: str

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """All pairs of axes a < b."""
        return list(itertools.combinations(range(len(self.grid)), 2))

    @property
    def coarse(self) -> list[int]:
        """Nodes of the planes along each axis."""
        return [min(n, max(2, math.ceil(self.share * n))) for n in self.grid]

    def init(self, key) -> Params:
        """Draw the features: N(1, 0.1²) for products, N(0, 0.1²) for sums."""
        params, nodes = {}, self.coarse
        for i, (a, b) in enumerate(self.pairs):
            draw = jax.random.normal(jax.random.fold_in(key, i), (nodes[a], nodes[b], self.features))
            params[f"plane{a}{b}"] = float(self.combine == "product") + 0.1 * draw
        return params

    def at(self, params: Params, places: Float[Array, "N D"]) -> Float[Array, "N M"]:
        """Return the combined features at points, given as real-valued indices of the grid."""
        found = [self._plane(params, (a, b), places[:, (a, b)]) for a, b in self.pairs]
        return reduce(COMBINE[self.combine], found)

    def on_grid(self, params: Params) -> Float[Array, "N M"]:
        """Return the combined features at all nodes: each plane is interpolated once per node of its two axes."""
        found = []
        for a, b in self.pairs:
            nodes = jnp.indices((self.grid[a], self.grid[b])).reshape(2, -1).T.astype(jnp.float32)
            size = [n if axis in (a, b) else 1 for axis, n in enumerate(self.grid)]
            found.append(self._plane(params, (a, b), nodes).reshape(*size, self.features))
        return reduce(COMBINE[self.combine], found).reshape(-1, self.features)

    def _plane(self, params, pair, places):
        ratio = [(self.coarse[axis] - 1) / max(self.grid[axis] - 1, 1) for axis in pair]
        return grids.interpolate(params[f"plane{pair[0]}{pair[1]}"], places * jnp.array(ratio)[None, :])
