"""What represents the signal: a pair of pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import numerics
from inrr_jax.fields.siren import Siren
from inrr_jax.settings import FieldSettings


class Field(NamedTuple):
    """init(key) -> params, and apply(params, points [N, D], omega) -> values [N, C] in (0, 1)."""

    init: Callable[[Key[Array, ""]], Any]
    apply: Callable[..., Float[Array, "N C"]]


def make(settings: FieldSettings, dimensions: int, channels: int) -> Field:
    """Build the field that the settings name, from [-1, 1]^dimensions to (0, 1)^channels by a final sigmoid."""
    module = Siren(
        features=channels,
        width=settings.width,
        depth=settings.depth,
        hidden_omega=settings.hidden_omega,
        sine=numerics.SINES[settings.sine],
        dot=numerics.DOTS[numerics.resolve_precision(settings.precision)],
    )

    def init(key):
        # Lazily: the network is not evaluated, whose every operation would be compiled on its own.
        return module.lazy_init(key, jax.ShapeDtypeStruct((1, dimensions), jnp.float32), 1.0)["params"]

    def apply(params, points, omega):
        return nn.sigmoid(module.apply({"params": params}, points, omega))

    return Field(init, tiled(apply, settings.tile))


def tiled(apply: Callable[..., Float[Array, "N C"]], tile: int) -> Callable[..., Float[Array, "N C"]]:
    """Evaluate `apply` on tiles of points, one after the other, and recompute each tile in the backward pass.

    The activations of one tile stay in the cache and are the only ones in memory at a time. Batches of fewer than two
    tiles are evaluated whole; so is everything when `tile` is 0.
    """

    def apply_in_tiles(params, points, omega):
        count = points.shape[0]
        if not tile or count < 2 * tile:
            return apply(params, points, omega)
        padded = jnp.pad(points, ((0, -count % tile), (0, 0)))
        tiles = padded.reshape(-1, tile, points.shape[1])
        values = jax.lax.map(jax.checkpoint(lambda x: apply(params, x, omega)), tiles)
        return values.reshape(padded.shape[0], -1)[:count]

    return apply_in_tiles
