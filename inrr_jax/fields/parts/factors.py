"""Factorised fields: sums of products of functions of one coordinate each (LRTFR: Luo et al., TPAMI 2023)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import devices, grids, numerics
from inrr_jax.fields.base import Field, FieldConfig, Hyper, tiled
from inrr_jax.fields.siren import Siren
from inrr_jax.options import at_least, choice, hyper
from inrr_jax.problem import Domain
from inrr_jax.types import Params, axis_names

Matrices = tuple[Float[Array, "_ _"], ...]
"""One matrix per axis, whose rows are nodes or points and whose columns are the functions u_a[r] of that axis."""


@dataclass(frozen=True)
class FactorConfig(FieldConfig):
    """Options of every factorised field.

    The options of the factors have names of their own, because a useful width of a function of one coordinate is much
    smaller than that of a network for the whole signal.
    """

    factor: str = choice("siren", "nodes")
    """Functions of one coordinate: a small SIREN per axis with one output per function, or plain values on the nodes
    of the axis, linear in between."""
    factor_width: int = at_least(128, 1)
    """Units of each hidden layer of a SIREN factor."""
    factor_depth: int = at_least(2, 1)
    """Hidden layers of a SIREN factor."""
    omega: float = hyper(0.0, 0.0)
    """Frequency factor of the SIREN factor of the longest axis, in radians per half of that axis; shorter axes have
    less in proportion to their nodes. 0: 38 for every 256 nodes of that axis."""
    sine: str = choice("fast", "exact")
    """As for `siren`."""
    amplitude: float = at_least(0.1, 0.0, above=True)
    """Root mean square of the initial values."""

    # A function of one coordinate has fewer layers to raise frequencies than a network for the whole signal.
    omega_per_node: ClassVar[float] = 38 / 256
    candidates: ClassVar = {"omega": (25.0, 50.0)}
    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 3e-3, "train.fibers": 0}

    @property
    def size(self) -> str:
        """The kind of the factors, and the size of their networks."""
        return f"{self.factor} {self.factor_width} x {self.factor_depth}" if self.factor == "siren" else self.factor


class Factor(NamedTuple):
    """R functions of one coordinate."""

    init: Callable[[Key[Array, ""]], Any]
    apply: Callable[[Any, Float[Array, "n"], Hyper], Float[Array, "n R"]]
    """(params, indices along the axis as real numbers, hyper) -> values."""


def siren_factor(config: FactorConfig, nodes: int, longest: int, rank: int) -> Factor:
    """Build R functions of one coordinate as a SIREN that maps t in [-1, 1], from the first node to the last.

    Its frequency factor is ω n / N for n nodes, where the longest axis has N: all axes have the same detail in nodes,
    whatever their units are, because nothing but the nodes says how finely an axis has been sampled.
    """
    network = Siren(rank, config.factor_width, config.factor_depth, sine=numerics.SINES[config.sine], dot=config.dot)

    def init(key):
        return network.lazy_init(key, jax.ShapeDtypeStruct((1, 1), jnp.float32), 1.0)["params"]

    def apply(params, places, hyper):
        positions = (2.0 * places - (nodes - 1)) / max(nodes - 1, 1)
        return network.apply({"params": params}, positions[:, None], hyper["omega"] * (nodes / longest))

    return Factor(init, apply)


def nodes_factor(config: FactorConfig, nodes: int, longest: int, rank: int) -> Factor:
    """Build R functions of one coordinate as values on its n nodes, linear in between, at first N(0, 1)."""

    def apply(params, places, hyper):
        return grids.interpolate(params["values"], places[:, None])

    return Factor(lambda key: {"values": jax.random.normal(key, (nodes, rank))}, apply)


FACTORS = {"siren": siren_factor, "nodes": nodes_factor}
"""By the option `factor`."""


def contract(
    core: Float[Array, "..."], matrices: Matrices, modes: Sequence[int], nodes: Sequence[int]
) -> Float[Array, "..."]:
    """Return sum_r core[r, c] prod_a U_a[i_a, r_a], by pairwise products in the order of fewest operations.

    Args:
        core: one axis per different mode, and the channels c.
        matrices: U_a, one per axis of the domain.
        modes: the summation index r_a of each U_a, as a number: equal numbers are the same index.
        nodes: the row index i_a of each U_a, likewise: all equal for values at points, all different on a grid.

    Returns:
        One axis per different row index, and the channels.
    """
    channel = 2 * len(matrices)
    operands: list[Any] = [core, [*dict.fromkeys(modes), channel]]
    for matrix, node, mode in zip(matrices, nodes, modes, strict=True):
        operands += [matrix, [node, mode]]
    return jnp.einsum(*operands, [*dict.fromkeys(nodes), channel], optimize="optimal")


def factorised(config: FactorConfig, domain: Domain, ranks: Sequence[int], modes: Sequence[int]) -> Field:
    """Build the field f(p)[c] = sum_r core[r, c] prod_a u_a(p_a)[r_a].

    The values of the factors have a variance near 1 at the start and the core is N(0, s² / number of its summands), so
    that the values have the root mean square s = `amplitude`. They are unbounded: a sigmoid would not keep the rank
    low. On the grid the factors are evaluated at the nodes of their axes alone, sum_a n_a instead of prod_a n_a points.

    Args:
        config: kind and size of the factors.
        domain: domain of the signal.
        ranks: number of functions of each axis.
        modes: which axes share their summation index, as in `contract`.
    """
    dimensions, names = len(domain.shape), axis_names(len(domain.shape))
    make, longest = FACTORS[config.factor], max(domain.shape)
    factors = [make(config, n, longest, rank) for n, rank in zip(domain.shape, ranks, strict=True)]
    sizes = dict(zip(modes, ranks, strict=True)).values()

    def init(key, auxiliary):
        keys = jax.random.split(key, dimensions + 1)
        scale = config.amplitude / math.prod(sizes) ** 0.5
        core = scale * jax.random.normal(keys[-1], (*sizes, domain.channels))
        drawn = {name: factor.init(k) for name, factor, k in zip(names, factors, keys[:-1], strict=True)}
        return {"core": core, **drawn}

    def matrices(params: Params, places: Sequence[Float[Array, "_"]], hyper: Hyper) -> Matrices:
        named = zip(names, factors, places, strict=True)
        return tuple(factor.apply(params[name], along, hyper) for name, factor, along in named)

    def apply(params, points, hyper):
        points = devices.share(points) if config.sharded else points
        at_points = matrices(params, list(domain.places(points).T), hyper)
        return contract(params["core"], at_points, modes, (0,) * dimensions)

    def on_nodes(params, hyper):
        return matrices(params, [jnp.arange(n, dtype=jnp.float32) for n in domain.shape], hyper)

    def on_grid(params, hyper):
        return contract(params["core"], on_nodes(params, hyper), modes, range(dimensions))

    return Field(init, tiled(apply, config.tile), on_grid, on_nodes)
