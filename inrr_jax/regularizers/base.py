"""What all regularisation terms share: their interface and their common options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Array, Float, Key

from inrr_jax.fibers import Sample
from inrr_jax.options import Options
from inrr_jax.problem import Domain, Problem
from inrr_jax.types import Params

Parts = dict[str, Float[Array, ""]]
"""Energies in mean form by axis name (`row`, `col`, ...); `all` for all axes together, `field` for parameters."""


def _nothing(_: Any) -> dict[str, Any]:
    return {}


def _no_points(key: Key[Array, ""], problem: Problem) -> None:
    return None


class Term(NamedTuple):
    """One term of a regulariser: pure functions."""

    energies: Callable[[Params, Sample, Problem], Parts]
    """(all parameter groups, values on fibers, problem) -> energies in mean form. The term's own parameters, if
    it learns, are the group under its name."""
    init: Callable[[Key[Array, ""]], Params] = _nothing
    """key -> what the term learns, by axis; empty if it learns nothing."""
    laplacians: Callable[[Params], dict[str, Float[Array, "n n"]]] = _nothing
    """The term's own parameters -> its Laplacians by axis; empty if it has none."""
    request: Callable[[Key[Array, ""], Problem], Float[Array, "N D"] | None] = _no_points
    """(key of the step, problem) -> points at which the term needs the signal, besides fibers; None if it needs
    none. Their values are `sample.nodes` under the term's name."""


@dataclass(frozen=True)
class TermConfig(Options):
    """Options of every term. Each term derives its own config, which adds `weight`, a hyper-parameter."""

    candidates: ClassVar[tuple[float, ...]] = ()
    """Weights among which a comparison chooses by held-out pixels; empty: the weight of the settings is used."""
    auxiliary: ClassVar[tuple[str, ...]] = ()
    """Names of the problem's auxiliary arrays that the term needs."""
    adjacent: ClassVar[bool] = False
    """Whether the term needs the fibers adjacent to those along the first axis."""
    learns: ClassVar[bool] = False
    """Whether the term learns Laplacians, which can then be frozen."""
    detail: ClassVar[float] = 1.0
    """Factor on the default omega of the field: how much more detail the term keeps under control."""
    habits: ClassVar[Mapping[str, Any]] = {}
    """Settings, by dotted name, that a comparison changes if this is the only term that learns."""

    @property
    def on_fibers(self) -> bool:
        """Whether the term needs the values on fibers."""
        return True

    @property
    def of_values(self) -> bool:
        """Whether the energy depends on the signal's values alone, so that it can be that of a difference."""
        return True

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        raise NotImplementedError
