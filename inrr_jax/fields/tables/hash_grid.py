"""A multiresolution hash grid with a small decoder (Instant-NGP: Mueller et al., SIGGRAPH 2022, section 3)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from inrr_jax import devices, grids
from inrr_jax.errors import UserError
from inrr_jax.fields.base import Field, FieldConfig, tiled
from inrr_jax.fields.parts.layers import symmetric_uniform
from inrr_jax.fields.relu import Relu
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain

PRIMES = (1, 2654435761, 805459861)
"""Factors of the hash, one per axis."""
SPREAD = 1e-4
"""The features are U(-1e-4, 1e-4) at the start."""


@dataclass(frozen=True)
class Config(FieldConfig):
    """Options of a hash grid."""

    name: str = choice("hash_grid")
    levels: int = at_least(8, 1)
    """L, the grids from coarse to fine."""
    table_size: int = at_least(4096, 1)
    """T, the most entries that a level has; larger grids share entries by a hash of the node."""
    entry_features: int = at_least(2, 1)
    """F, the features of each entry."""
    coarsest: int = at_least(8, 1)
    """N_min, the cells of the coarsest level along the longest axis."""
    finest_share: float = at_least(0.5, 0.0, above=True)
    """N_max, the cells of the finest level along the longest axis, as a share of the signal's nodes, but at least
    N_min."""
    decoder_width: int = at_least(32, 1)
    """Units of each hidden layer of the decoder."""
    decoder_depth: int = at_least(1, 0)
    """Hidden layers of the decoder, a ReLU network; 0: a linear map."""

    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 1e-2}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain: f(p) = decoder(features of all L levels at p).

        The domain's bounds are applied to the values, as for networks.

        Raises:
            UserError: the domain has more axes than the hash has factors.
        """
        if len(domain.shape) > len(PRIMES):
            raise UserError(
                f"field.name=hash_grid on a grid of shape {domain.shape}: it is for at most three axes; use planes"
            )
        levels = Levels.of(self.cells(max(domain.shape)), domain, self.table_size)
        decoder = Decoder(domain.channels, self.decoder_width, self.decoder_depth, self.dot, bias_bound=0.0)

        def init(key, auxiliary):
            table_key, decoder_key = jax.random.split(key)
            like = jax.ShapeDtypeStruct((1, self.levels * self.entry_features), jnp.float32)
            table = symmetric_uniform(SPREAD)(table_key, (sum(levels.entries), self.entry_features))
            return {"decoder": decoder.lazy_init(decoder_key, like)["params"], "table": table}

        def apply(params, points, hyper):
            points = devices.share(points) if self.sharded else points
            features = levels.at(params["table"], points)
            return domain.squash(decoder.apply({"params": params["decoder"]}, features))

        return Field(init, tiled(apply, self.tile))

    def cells(self, nodes: int) -> list[int]:
        """Return the cells N_l = floor(N_min b^l) of each level along the longest axis, b^(L - 1) = N_max / N_min."""
        growth = max(1.0, self.finest_share * nodes / self.coarsest) ** (1 / max(self.levels - 1, 1))
        # The small share keeps a power that should be whole from being rounded down.
        return [math.floor(self.coarsest * growth**level * (1 + 1e-9)) for level in range(self.levels)]

    @property
    def size(self) -> str:
        """Levels, entries and features, and width and depth of the decoder."""
        levels = f"{self.levels} levels of {self.table_size} x {self.entry_features}"
        return f"{levels}, {self.decoder_width} x {self.decoder_depth}"


class Decoder(Relu):
    """A ReLU network with the paper's initial values: Glorot's bound for the weights, and no biases at the start."""

    def bound(self, inputs: int, outputs: int) -> float:
        """Return Glorot's bound."""
        return (6.0 / (inputs + outputs)) ** 0.5


class Levels(NamedTuple):
    """Grids over the domain, whose cells are cubes in the domain's coordinates, and their places in one table.

    All levels are evaluated together, because a program with one gather per corner compiles several times faster than
    one with a gather per corner and level.
    """

    first: tuple[float, ...]
    """Coordinates of the first node, the same for all levels."""
    cells: tuple[int, ...]
    """Of each level along the longest axis, which is 2 long."""
    shapes: tuple[tuple[int, ...], ...]
    """Nodes of each level along each axis."""
    entries: tuple[int, ...]
    """Of each level: as many as nodes, or T if there are more nodes. The levels follow each other in the table."""

    @classmethod
    def of(cls, cells: Sequence[int], domain: Domain, most: int) -> "Levels":
        """Return the levels of so many cells along the longest axis of a domain, with at most so many entries each."""
        axes = grids.axes(domain.shape, domain.spacing)
        spans = [float(axis[-1] - axis[0]) / 2 for axis in axes]
        # Less a little, because rounding could otherwise add a cell that no point lies in.
        shapes = tuple(tuple(max(1, math.ceil(n * span - 1e-4)) + 1 for span in spans) for n in cells)
        entries = tuple(min(math.prod(shape), most) for shape in shapes)
        return cls(tuple(float(axis[0]) for axis in axes), tuple(cells), shapes, entries)

    def at(self, table: Float[Array, "T F"], points: Float[Array, "N D"]) -> Float[Array, "N M"]:
        """Return the features of all levels, M = L F, multilinear between nodes; outside the domain, of its border."""
        scale = np.asarray(self.cells, np.float32)[None, :, None] / 2
        places = (points - np.asarray(self.first, np.float32)[None, :])[:, None, :] * scale
        found = grids.corners(places, np.asarray(self.shapes)[None])
        total = reduce(jnp.add, [weight[:, :, None] * table[self.entry(node)] for weight, node in found])
        return total.reshape(points.shape[0], len(self.cells) * table.shape[1])

    def entry(self, node: grids.Index) -> Int[Array, "N L"]:
        """Return the places in the table of nodes of all levels, one index array [N, L] per axis.

        An entry is that of a node in row-major order where a level has one for each node, and else the shared one
        (xor_a i_a π_a) mod T.
        """
        dense, hashed = jnp.zeros_like(node[0]), jnp.zeros_like(node[0], jnp.uint32)
        for index, nodes, prime in zip(node, np.transpose(self.shapes), PRIMES, strict=False):
            dense = dense * nodes[None, :].astype(np.int32) + index
            hashed ^= index.astype(jnp.uint32) * np.uint32(prime)
        entries = np.asarray(self.entries, np.uint32)[None, :]
        fits = np.prod(self.shapes, axis=1) <= entries
        own = jnp.where(fits, dense, (hashed % entries).astype(jnp.int32))
        starts = np.cumsum([0, *self.entries[:-1]]).astype(np.int32)
        return own + starts[None, :]
