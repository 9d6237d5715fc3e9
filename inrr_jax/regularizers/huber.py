"""The Huber energy of neighbouring entries, in mean form: quadratic for small differences, linear for edges."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.options import at_least, hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.types import axis_names


@dataclass(frozen=True)
class Config(TermConfig):
    """Options of the Huber energy."""

    weight: float = hyper(0.01, 0.0)
    """λ in mean form."""
    delta: float = at_least(0.02, 0.0, above=True)
    """Difference, in the units of the signal, from which on the energy is linear."""

    candidates: ClassVar = (3e-3, 1e-2)

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        names = axis_names(len(domain.shape))

        def energies(params, sample, problem):
            return {name: huber(fibers, self.delta) for name, fibers in zip(names, sample.along, strict=True)}

        return Term(energies)


def huber(fibers: Float[Array, "F n C"], delta: float) -> Float[Array, ""]:
    """Return the part of one axis: 1/(F n C) sum h(x_{i+1} - x_i) with Huber's function h.

    h(d) = |d| - δ/2 for |d| > δ, and d² / (2 δ) otherwise (Huber, Annals of Mathematical Statistics 1964): the total
    variation as δ tends to 0, but differentiable, and without staircases on slopes below δ.

    Args:
        fibers: values along the axis.
        delta: δ > 0.
    """
    size = jnp.abs(jnp.diff(fibers, axis=1))
    return jnp.sum(jnp.where(size > delta, size - delta / 2, size**2 / (2 * delta))) / fibers.size


TERMS = {"huber": Config}
