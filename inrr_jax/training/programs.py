"""Splits settings into hyper-parameters and the static key of the compiled program, inside which they may vary."""

from dataclasses import asdict, dataclass
from typing import Any

from inrr_jax import numerics, regularizers
from inrr_jax.errors import UserError
from inrr_jax.fields import Field, FieldConfig
from inrr_jax.options import hyper_parameters, without_hyper_parameters
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers import Regularizer
from inrr_jax.regularizers.base import TermConfig
from inrr_jax.settings import OptimizerSettings, Settings
from inrr_jax.types import HyperParameters


@dataclass(frozen=True)
class StaticKey:
    """The settings that shape a compiled program: fits with equal keys and equal shapes share a compilation.

    Its groups are those of the settings, with every hyper-parameter None.
    """

    field: FieldConfig
    terms: tuple[tuple[str, TermConfig], ...]
    reference: str
    optimizer: OptimizerSettings
    steps: int
    fibers: int
    measurements: int

    def build_field(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        return self.field.build(domain)

    def build_regularizer(self, domain: Domain) -> Regularizer:
        """Build the sum of regularisation terms for a domain."""
        return regularizers.build(dict(self.terms), domain, self.reference)

    @property
    def precision(self) -> str:
        """The precision of the matrix products: float32 or bfloat16."""
        return numerics.resolve_precision(self.field.precision)

    def to_mapping(self) -> dict[str, Any]:
        """Return the key under the names of the settings, to show in what two keys differ."""
        terms = {name: asdict(config) for name, config in self.terms}
        return {
            "field": asdict(self.field),
            "regularizer": {"name": "+".join(terms) or "none", "reference": self.reference, **terms},
            "optimizer": asdict(self.optimizer),
            "train": {"steps": self.steps, "fibers": self.fibers, "measurements": self.measurements},
        }


def static_key(settings: Settings) -> StaticKey:
    """Return the part of the settings that shapes the compiled program of a fit."""
    return StaticKey(
        without_hyper_parameters(settings.field),
        tuple((name, without_hyper_parameters(config)) for name, config in settings.regularizer.terms.items()),
        settings.regularizer.reference,
        without_hyper_parameters(settings.optimizer),
        settings.train.steps,
        settings.train.fibers,
        settings.train.measurements,
    )


def collect_hyper_parameters(settings: Settings, domain: Domain) -> HyperParameters:
    """Return the hyper-parameters of the settings, with defaults that depend on the domain filled in."""
    terms = settings.regularizer.terms
    detail = max((config.detail for config in terms.values()), default=1.0)
    return HyperParameters(
        field={**settings.field.hyper_parameters(domain, detail)},
        weight={name: config.weight for name, config in terms.items()},  # type: ignore[attr-defined]
        optimizer=hyper_parameters(settings.optimizer),
        axes=_axis_factors(settings.regularizer.axes, domain),
    )


def _axis_factors(factors: tuple, domain: Domain) -> tuple[float, ...]:
    """Return the factors of the axes as numbers.

    Raises:
        UserError: there is not one number of at least 0 per axis.
    """
    numbers = all(type(factor) in (int, float) and factor >= 0 for factor in factors)
    if factors and not (numbers and len(factors) == len(domain.shape)):
        raise UserError(
            f"regularizer.axes={factors}: give one number of at least 0 for each of the {len(domain.shape)} axes, or ()"
        )
    return tuple(map(float, factors))


def lacks(problem: Problem, settings: Settings, name: str) -> bool:
    """Return whether a fit needs an auxiliary array that its problem does not have."""
    return name in auxiliary_names(settings) and name not in problem.auxiliary


def auxiliary_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the auxiliary arrays that a fit with these settings needs."""
    terms = settings.regularizer.terms.values()
    start = ("start",) if terms and settings.regularizer.reference == "start" else ()
    return (*settings.field.auxiliary, *(name for config in terms for name in config.auxiliary), *start)
