"""Regularisers: sums of terms that say what a signal should be like between its measurements.

To add a term, write a file with a table `TERMS` of configs that derive from `base.TermConfig`, and name it in
`MODULES`.
"""

import dataclasses
import importlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax.errors import UserError
from inrr_jax.fibers import Sample
from inrr_jax.options import Options, choice, sum_of
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers.base import Parts, Term, TermConfig
from inrr_jax.types import Params

MODULES = (
    "inrr",
    "guide",
    "air",
    "grid",
    "variation",
    "tikhonov",
    "weight_decay",
    "huber",
)
"""Names of the files that define terms."""

TERMS: dict[str, type[TermConfig]] = {
    name: config for module in MODULES for name, config in importlib.import_module(f"{__name__}.{module}").TERMS.items()
}
"""The options of each term, by its name."""


@dataclasses.dataclass(frozen=True)
class SumOfTerms(Options):
    """A sum of regularisation terms, and the options of every term, whether or not it is in the sum."""

    name: str = sum_of(*TERMS, alone="none")
    """Terms joined by +, such as inrr+tv, or none."""
    axes: tuple = ()
    """Factors on the energies of each axis, a hyper-parameter; empty for 1 on all axes."""
    reference: str = choice("zero", "start")
    """r, where the energies are those of the difference f - r. zero: of the signal f itself; start: of its difference
    from the start model, the problem's auxiliary array `start`."""

    @property
    def terms(self) -> dict[str, TermConfig]:
        """The options of the terms in the sum, by name, in the order of the sum."""
        return {} if self.name == "none" else {name: getattr(self, name) for name in self.name.split("+")}


# Made from the registry, so that a new term brings its group of options with it.
RegularizerSettings = dataclasses.make_dataclass(
    "RegularizerSettings",
    [(name, config, dataclasses.field(default=config())) for name, config in TERMS.items()],
    bases=(SumOfTerms,),
    frozen=True,
    namespace={
        "__doc__": "A sum of terms by `name`, and one group of options per registered term.",
        "__module__": __name__,
    },
)

Laplacians = dict[str, dict[str, Float[Array, "n n"]]]
"""By term, then by axis."""


class Regularizer(NamedTuple):
    """A sum of terms for one domain, as pure functions."""

    init: Callable[[Key[Array, ""]], Params]
    """key -> parameter groups of the terms that learn."""
    energies: Callable[[Params, Sample, Problem], dict[str, Parts]]
    """(all parameter groups, values on fibers, problem) -> energies in mean form, by term and part."""
    laplacians: Callable[[Params], Laplacians]
    adjacent: bool
    """Whether adjacent fibers are needed."""
    request: Callable[[Key[Array, ""], Problem], dict[str, Float[Array, "N D"]]]
    """(key of the step, problem) -> points besides fibers at which terms need the signal, by term."""
    on_fibers: bool
    """Whether any fibers are needed."""


def build(terms: dict[str, TermConfig], domain: Domain, reference: str = "zero") -> Regularizer:
    """Build the sum of these terms for a domain: energies E(f - r) with the reference r of `SumOfTerms`.

    Raises:
        UserError: the reference is a start model, and a term is no energy of the signal's values.
    """
    relative = reference == "start" and bool(terms)
    if relative:
        _check_values(terms)
    built: dict[str, Term] = {name: config.build(domain) for name, config in terms.items()}

    def init(key):
        # All terms get the same key, so that what a term draws does not depend on the other terms of the sum. A second
        # term that draws numbers has to fold a constant of its own into the key.
        drawn = {name: term.init(key) for name, term in built.items()}
        return {name: params for name, params in drawn.items() if jax.tree.leaves(params)}

    def energies(params, sample, problem):
        if relative:
            start = jnp.asarray(problem.auxiliary["start"])
            sample = sample.minus(start[..., : domain.signal or None], domain.spacing)
        return {name: term.energies(params, sample, problem) for name, term in built.items()}

    def request(key, problem):
        points = {name: term.request(key, problem) for name, term in built.items()}
        return {name: requested for name, requested in points.items() if requested is not None}

    def laplacians(params):
        found = {name: term.laplacians(params.get(name, {})) for name, term in built.items()}
        return {name: by_axis for name, by_axis in found.items() if by_axis}

    adjacent = any(config.adjacent for config in terms.values())
    on_fibers = any(config.on_fibers for config in terms.values())
    return Regularizer(init, energies, laplacians, adjacent, request, on_fibers)


def _check_values(terms: dict[str, TermConfig]) -> None:
    for name, config in terms.items():
        if not config.of_values:
            raise UserError(
                f"regularizer.reference=start: the term {name} has no energy of the difference from a start model:"
                f" leave it out, use acts_on=signal if it acts on factors, or give regularizer.reference=zero"
            )
