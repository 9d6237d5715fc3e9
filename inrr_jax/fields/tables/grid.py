"""Plain values on the nodes of the grid, multilinear in between: the control of every experiment with a network."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from inrr_jax import devices, grids
from inrr_jax.fields.base import Field, FieldConfig, tiled
from inrr_jax.options import choice
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(FieldConfig):
    """Options of a grid of values, which has no matrix products and is therefore always float32."""

    name: str = choice("grid")

    habits: ClassVar = {"optimizer.name": "adam", "optimizer.field_rate": 5e-2, "train.fibers": 0}

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain: f(p) = sum_i w_i(p) V_i with the weights w of `grids.interpolate`.

        The values V start at the problem's guide if it has one, and else at the middle of the bounds, or at 0 without
        bounds. They are not squashed into the bounds:
        on the nodes the field is V itself, so that its fit is the classical regularised problem, which is convex for
        convex energies and linear operators.
        """
        start = sum(domain.bounds) / 2 if domain.bounds else 0.0

        def init(key, auxiliary):
            shape = (*domain.shape, domain.channels)
            return {"values": jnp.asarray(auxiliary["guide"]) if "guide" in auxiliary else jnp.full(shape, start)}

        def apply(params, points, hyper):
            points = devices.share(points) if self.sharded else points
            return grids.interpolate(params["values"], domain.places(points))

        return Field(init, tiled(apply, self.tile), on_grid=lambda params, hyper: params["values"])
