"""What represents the signal: a pair of pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import devices, grids, numerics
from inrr_jax.errors import UserError
from inrr_jax.fields.factorization import Factorization
from inrr_jax.fields.neighbors import FORMS
from inrr_jax.fields.networks import Fourier, Relu
from inrr_jax.fields.siren import Siren
from inrr_jax.settings import FieldSettings

FIXED = ("frequencies", "context")
"""Parameters of a field that are drawn or given, and not learned."""


class Field(NamedTuple):
    """init(key) -> params, and apply(params, points [N, D], omega) -> values [N, C]."""

    init: Callable[[Key[Array, ""]], Any]
    apply: Callable[..., Float[Array, "N C"]]


def on_grid(settings: FieldSettings, grid: tuple[int, ...], channels: int) -> Field:
    """Build the field that the settings name, for a signal on a grid with the coordinates of `grids.axes`.

    Raises:
        UserError: a factorisation of what is no matrix.
    """
    if settings.name == "inrz":
        return _inrz(settings, grid, channels)
    if settings.name != "dmf":
        return make(settings, len(grid), channels)
    if len(grid) != 2:
        raise UserError(f"field.name=dmf on a grid of shape {grid}: it needs (height, width); use a network")
    factorization = Factorization(grid, channels, settings.factors, settings.scale)
    return Field(factorization.init, factorization.apply)


def make(settings: FieldSettings, dimensions: int, channels: int) -> Field:
    """Build the network that the settings name, from [-1, 1]^dimensions to (0, 1)^channels by a final sigmoid.

    Raises:
        UserError: the field is no network, and lives on a grid alone.
    """
    if settings.name not in _MODULES:
        raise UserError(f"field.name={settings.name} lives on a grid: give one of {', '.join(sorted(_MODULES))}")
    module = _MODULES[settings.name](settings, channels, numerics.DOTS[numerics.resolve_precision(settings.precision)])

    def init(key):
        # Lazily: the network is not evaluated, whose every operation would be compiled on its own.
        return module.lazy_init(key, jax.ShapeDtypeStruct((1, dimensions), jnp.float32), 1.0)["params"]

    def apply(params, points, omega):
        points = devices.share(points) if settings.sharded else points
        return nn.sigmoid(module.apply({"params": params}, points, omega))

    return Field(init, tiled(apply, settings.tile))


def _inrz(settings: FieldSettings, grid: tuple[int, ...], channels: int) -> Field:
    """Build a SIREN of the position and of what its neighbours were in a first recovery, the parameter `context`.

    The weights of the first layer start as if there were the position alone: what is added to it is small.
    """
    dot = numerics.DOTS[numerics.resolve_precision(settings.precision)]
    module = _siren(settings, channels, dot).clone(fan_in=len(grid))

    def inputs(context, points):
        near = FORMS[settings.neighbors](context, grids.nearest(points, grid), settings.reach)
        return jnp.concatenate([points, near], axis=-1)

    def init(key):
        context = jnp.zeros((*grid, channels))
        like = jax.eval_shape(inputs, context, jax.ShapeDtypeStruct((1, len(grid)), jnp.float32))
        return {**module.lazy_init(key, like, 1.0)["params"], "context": context}

    def apply(params, points, omega):
        points = devices.share(points) if settings.sharded else points
        network = {name: layer for name, layer in params.items() if name != "context"}
        given = inputs(jax.lax.stop_gradient(params["context"]), points)
        return nn.sigmoid(module.apply({"params": network}, given, omega))

    return Field(init, tiled(apply, settings.tile))


def _siren(settings: FieldSettings, channels: int, dot: Callable) -> Siren:
    sine = numerics.SINES[settings.sine]
    return Siren(channels, settings.width, settings.depth, settings.hidden_omega, sine, dot)


def _relu(settings: FieldSettings, channels: int, dot: Callable) -> Relu:
    return Relu(channels, settings.width, settings.depth, dot)


def _fourier(settings: FieldSettings, channels: int, dot: Callable) -> Fourier:
    return Fourier(channels, settings.width, settings.depth, dot)


_MODULES = {"siren": _siren, "relu": _relu, "fourier": _fourier}


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
