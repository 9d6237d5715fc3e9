"""Tikhonov's energies of orders 0 and 2, in mean form (Tikhonov and Arsenin, 1977). Order 1 is the term `grid`."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.options import hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.types import Lines, axis_names


@dataclass(frozen=True)
class Order0(TermConfig):
    """Options of the energy of order 0."""

    weight: float = hyper(3e-4, 0.0)
    """λ in mean form."""

    candidates: ClassVar = (1e-4, 1e-3)

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return Term(lambda params, sample, problem: {"all": tikhonov0(sample.along)})


@dataclass(frozen=True)
class Order2(TermConfig):
    """Options of the energy of order 2."""

    weight: float = hyper(0.01, 0.0)
    """λ in mean form."""

    candidates: ClassVar = (1e-2, 5e-2)

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        names = axis_names(len(domain.shape))
        return Term(lambda params, sample, problem: dict(zip(names, map(tikhonov2, sample.along), strict=True)))


def tikhonov0(fibers: Lines) -> Float[Array, ""]:
    """Return the mean square of the signal, from the fibers of all axes."""
    return jnp.sum(jnp.stack([jnp.sum(along**2) for along in fibers])) / sum(along.size for along in fibers)


def tikhonov2(fibers: Float[Array, "F n C"]) -> Float[Array, ""]:
    """Return the part of one axis in the energy of order 2: 1/(F n C) sum (x_{i+1} - 2 x_i + x_{i-1})².

    The sum runs over the inner nodes, so that ramps have no energy.
    """
    return jnp.sum(jnp.diff(fibers, n=2, axis=1) ** 2) / fibers.size


TERMS = {"tikhonov0": Order0, "tikhonov2": Order2}
