"""The squared distance from a guide: another estimate of the signal, which counts wherever nothing is observed."""

from dataclasses import dataclass
from typing import ClassVar

from inrr_jax.options import hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig


@dataclass(frozen=True)
class Config(TermConfig):
    """Options of the guide."""

    weight: float = hyper(1.0, 0.0)
    """λ in mean form: 1 gives a missing entry as much weight as an observed one."""

    auxiliary: ClassVar = ("guide",)
    # The guide suppresses the noise that a higher omega would otherwise add between the observed entries.
    detail: ClassVar[float] = 2.0

    @property
    def of_values(self) -> bool:
        """False: the guide is a signal of its own."""
        return False

    def build(self, domain: Domain) -> Term:
        """Build the term: 1/(number of ALL entries) sum over the unobserved entries of (prediction - guide)²."""

        def energies(params, sample, problem):
            missing = ~problem.operator.observed(problem.domain)
            return {"all": sample.mean_squared_error(problem.auxiliary["guide"], missing)}

        return Term(energies)


TERMS = {"guide": Config}
