"""Total variation, in mean form: the mean absolute difference of neighbouring entries.

Divided by the number of entries, each energy has the same meaning at every size, and random fibers estimate it without
bias.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.options import hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.types import axis_names


@dataclass(frozen=True)
class Isotropic(TermConfig):
    """Options of isotropic total variation, which needs half as many points again in each step."""

    weight: float = hyper(0.01, 0.0)
    """λ in mean form."""

    candidates: ClassVar = (3e-3, 1e-2)
    adjacent: ClassVar = True

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return Term(lambda params, sample, problem: {"all": tv(sample.along[0], sample.adjacent)})


@dataclass(frozen=True)
class Anisotropic(TermConfig):
    """Options of anisotropic total variation."""

    weight: float = hyper(0.01, 0.0)
    """λ in mean form."""

    candidates: ClassVar = (3e-3, 1e-2)

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        names = axis_names(len(domain.shape))
        return Term(lambda params, sample, problem: dict(zip(names, map(tv_anisotropic, sample.along), strict=True)))


def tv(fibers: Float[Array, "F n C"], adjacent: tuple[Float[Array, "F n C"], ...]) -> Float[Array, ""]:
    """Return the isotropic total variation of the signal: 1/(F n C) sum over pixels of |D x|_2.

    The norm runs over the forward differences along all axes, zero at the far border, and over the channels (Rudin,
    Osher, Fatemi, Physica D 1992). Where all of them are zero, the gradient is defined to be zero.

    Args:
        fibers: values along the first axis.
        adjacent: values on the next fibers along each of the other axes; at the border a fiber is its own neighbour.
    """
    # All differences of a pixel are needed at once, so each sample is a fiber together with its neighbours.
    differences = [jnp.diff(fibers, axis=1, append=fibers[:, -1:]), *(other - fibers for other in adjacent)]
    squares = jnp.sum(jnp.stack(differences) ** 2, axis=(0, -1))
    flat = squares == 0
    # The inner where keeps the square root's infinite slope at 0 out of the gradient.
    return jnp.sum(jnp.where(flat, 0.0, jnp.sqrt(jnp.where(flat, 1.0, squares)))) / fibers.size


def tv_anisotropic(fibers: Float[Array, "F n C"]) -> Float[Array, ""]:
    """Return the part of one axis in the anisotropic total variation: 1/(F n C) sum |x_{i+1} - x_i|.

    Edges along the axes cost least (Esedoglu and Osher, Comm. Pure Appl. Math. 2004). The gradient of equal neighbours
    is defined to be zero; that of `jnp.abs` at 0 is 1.
    """
    differences = jnp.diff(fibers, axis=1)
    return jnp.sum(jnp.where(differences == 0, 0.0, jnp.abs(differences))) / fibers.size


TERMS = {"tv": Isotropic, "tv_anisotropic": Anisotropic}
