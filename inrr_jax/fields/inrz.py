"""INR-Z: a SIREN of the position and of the neighbouring values in a first estimate (INRR, CVPR 2023, figure 1c)."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from inrr_jax import devices
from inrr_jax.fields import siren
from inrr_jax.fields.base import Field, FieldConfig, tiled
from inrr_jax.fields.parts.neighbors import FORMS
from inrr_jax.options import at_least, choice, convert
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(siren.Config):
    """Options of INR-Z: those of its SIREN, and which neighbours it sees."""

    name: str = choice("inrz")
    neighbors: str = choice("lines", "patch")
    """lines: all values of a pixel's row and of its column; patch: the values around it."""
    reach: int = at_least(2, 1)
    """Pixels from the centre of the patch to its sides; lines do not use it."""

    auxiliary: ClassVar = ("first_estimate",)
    fixed: ClassVar = ("first_estimate",)

    def first_fit(self) -> FieldConfig:
        """Return the plain SIREN of the same size, whose unregularised fit is the first estimate."""
        return convert(self, siren.Config)

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain.

        The first estimate is a parameter, cut off from the gradient, so that checkpoints and sweeps carry it. The first
        layer's initial weights are those for the position alone, because the neighbours' contribution is small.
        """
        module = self.module(domain.channels, fan_in=len(domain.shape))

        def inputs(estimate, points):
            near = FORMS[self.neighbors](estimate, domain.nearest(points), self.reach)
            return jnp.concatenate([points, near], axis=-1)

        def init(key, auxiliary):
            shape = (*domain.shape, domain.channels)
            points = jax.ShapeDtypeStruct((1, len(domain.shape)), jnp.float32)
            like = jax.eval_shape(inputs, jax.ShapeDtypeStruct(shape, jnp.float32), points)
            # A copy, because the training state, which holds the parameters, is donated to each step.
            estimate = jnp.array(auxiliary["first_estimate"])
            return {**module.lazy_init(key, like, 1.0)["params"], "first_estimate": estimate}

        def apply(params, points, hyper):
            points = devices.share(points) if self.sharded else points
            layers = {name: layer for name, layer in params.items() if name != "first_estimate"}
            given = inputs(jax.lax.stop_gradient(params["first_estimate"]), points)
            return domain.squash(module.apply({"params": layers}, given, **hyper))

        return Field(init, tiled(apply, self.tile))
