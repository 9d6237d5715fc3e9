"""What all fields share: their interface, their common options, and the evaluation in tiles.

A field represents a signal f: position -> value. It is a pair of pure functions, built by its Config for one domain.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inrr_jax import devices, numerics
from inrr_jax.options import Options, at_least, choice, hyper_parameters
from inrr_jax.problem import Domain
from inrr_jax.types import Params, Scalar

OMEGA_PER_NODE = 15 / 256
"""Default frequency factor per node of the longest axis: the finest detail then has the same size in nodes on every
grid. Chosen on scikit-image's pictures (docs/method.md); the paper has 30 at 256."""

Auxiliary = Mapping[str, Float[Array | np.ndarray, "..."]]
Hyper = Mapping[str, Scalar]


class Field(NamedTuple):
    """A signal as pure functions of its parameters."""

    init: Callable[[Key[Array, ""], Auxiliary], Params]
    """(key, auxiliary arrays) -> params."""
    apply: Callable[[Params, Float[Array, "N D"], Hyper], Float[Array, "N C"]]
    """(params, points, hyper-parameters) -> values."""
    on_grid: Callable[[Params, Hyper], Float[Array, "*grid C"]] | None = None
    """(params, hyper-parameters) -> values on all nodes, for fields that compute them faster together."""
    factors: Callable[[Params, Hyper], tuple[Float[Array, "_ _"], ...]] | None = None
    """(params, hyper-parameters) -> one factor [n, R] per axis, for factorised fields."""


@dataclass(frozen=True)
class FieldConfig(Options):
    """Options of every field. Each field derives its own Config with its further options.

    Options of the same name must mean the same in all fields: they keep their value when the field is exchanged.
    """

    name: str = ""
    precision: str = choice("auto", "float32", "bfloat16")
    """Operands of the matrix products, which always accumulate in float32; auto: whichever is faster on this
    machine."""
    tile: int = at_least(4096, 0)
    """Points evaluated at once; each tile is recomputed in the backward pass. 0: all at once. Batches of fewer than two
    tiles are never cut."""
    sharded: bool = False
    """Distribute the points of ONE large fit over all devices. For many small fits, use a sweep instead."""

    auxiliary: ClassVar[tuple[str, ...]] = ()
    """Names of the problem's auxiliary arrays that the field needs."""
    fixed: ClassVar[tuple[str, ...]] = ()
    """Names of parameters that are drawn or given, and not learned."""
    candidates: ClassVar[Mapping[str, tuple[float, ...]]] = {}
    """Hyper-parameters that a comparison chooses by held-out pixels, with their candidates for 256 nodes on the longest
    axis, to which they scale in proportion."""
    habits: ClassVar[Mapping[str, Any]] = {}
    """Settings, by dotted name, that a comparison changes wherever it uses the field."""
    omega_per_node: ClassVar[float] = OMEGA_PER_NODE
    """Default of a hyper-parameter omega, per node of the longest axis."""
    weight_factor: ClassVar[float] = 1.0
    """Factor on the weights that a comparison tries for regularisation terms."""

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain.

        Raises:
            UserError: the field cannot represent signals on such a domain.
        """
        raise NotImplementedError

    def hyper_parameters(self, domain: Domain, detail: float) -> dict[str, float]:
        """Return the hyper-parameters by name; an omega of 0 becomes the default for this domain, times `detail`."""
        values = hyper_parameters(self)
        # In proportion to the grid, because a fixed omega would mean coarser detail in larger pictures.
        if values.get("omega") == 0:
            values["omega"] = detail * self.omega_per_node * max(domain.shape)
        return values

    def first_fit(self) -> "FieldConfig | None":
        """Return the field whose recovery is this field's auxiliary array `first_estimate`; None if it needs none."""
        return None

    @property
    def size(self) -> str:
        """The size of the field in a few characters, for logs."""
        return ""

    @property
    def dot(self) -> Callable[..., Float[Array, "N M"]]:
        """The matrix product in the field's precision."""
        return numerics.DOTS[numerics.resolve_precision(self.precision)]


@dataclass(frozen=True)
class NetworkConfig(FieldConfig):
    """Options of every multilayer perceptron."""

    width: int = at_least(256, 1)
    """Units of each hidden layer."""
    depth: int = at_least(5, 1)
    """Number of hidden layers."""

    @property
    def size(self) -> str:
        """Width and depth."""
        return f"{self.width} x {self.depth}"


def network(config: FieldConfig, domain: Domain, module: nn.Module) -> Field:
    """Build a field from a Flax module that maps points [N, D] and its hyper-parameters to unbounded values [N, C].

    The domain's bounds are applied to the values, and points are evaluated in tiles and shared by devices as the config
    says.
    """

    def init(key, auxiliary):
        points = jax.ShapeDtypeStruct((1, len(domain.shape)), jnp.float32)
        # Lazily, because evaluating the network here would compile every operation on its own.
        return module.lazy_init(key, points, **dict.fromkeys(hyper_parameters(config), 1.0))["params"]

    def apply(params, points, hyper):
        points = devices.share(points) if config.sharded else points
        return domain.squash(module.apply({"params": params}, points, **hyper))

    return Field(init, tiled(apply, config.tile))


def tiled(apply: Callable[..., Float[Array, "N C"]], tile: int) -> Callable[..., Float[Array, "N C"]]:
    """Return `apply`, evaluated on one tile of points after the other.

    The activations of one tile fit into the cache, and only one tile's activations are in memory at a time, because
    each tile is recomputed in the backward pass. Batches of fewer than two tiles are evaluated whole, and all batches
    if `tile` is 0.
    """

    def apply_in_tiles(params, points, hyper):
        count = points.shape[0]
        if not tile or count < 2 * tile:
            return apply(params, points, hyper)
        padded = jnp.pad(points, ((0, -count % tile), (0, 0)))
        tiles = padded.reshape(-1, tile, points.shape[1])
        values = jax.lax.map(jax.checkpoint(lambda x: apply(params, x, hyper)), tiles)
        return values.reshape(padded.shape[0], -1)[:count]

    return apply_in_tiles
