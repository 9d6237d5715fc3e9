"""The methods of a comparison by name: fills, and fits of a field with a sum of regularisation terms.

`harmonic` is a fill of recipes/fills.py, and `als` a completion of baselines/tensors. `siren`, `siren+inrr` and
`dmf+tv+air` are fits. `siren+inrr@25` is `siren+inrr` with Laplacians that are frozen after 25 % of the steps, and
`siren+inrr/harmonic` is followed by a correction.

All fits evaluate the same number of points: they have the steps and fibers of the settings they start from, except that
isotropic total variation, which also evaluates adjacent fibers, draws two thirds as many, and that the number of steps
of values on nodes is chosen.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from inrr_jax.errors import UserError, unknown
from inrr_jax.experiments.kinds import KINDS, Kind
from inrr_jax.fields import FIELDS
from inrr_jax.options import change
from inrr_jax.regularizers import TERMS
from inrr_jax.settings import Settings

Changes = dict[str, Any]
"""Settings by their dotted names."""

ALIASES: dict[str, Changes] = {
    "inrz_patch": {"field.name": "inrz", "field.neighbors": "patch"},
    # Values on nodes take larger steps than the weights of a network.
    "tucker_nodes": {"field.name": "tucker", "field.factor": "nodes", "optimizer.field_rate": 3e-2},
}
"""Names of fields with other options than their defaults."""
CANDIDATES: dict[str, Callable[[int], dict[str, list[Any]]]] = {
    "tucker_nodes": lambda steps: {
        "optimizer.field_rate": [3e-2, 1e-1, 3e-1],
        "train.steps": [max(1, steps // 4), steps, 4 * steps],
    }
}
"""Settings that are chosen for an alias instead of its field's candidates, as a function of the steps of all other
methods. Values on nodes have no omega that bounds their detail, so they overfit after many steps."""
REFERENCE_SIZE = 256
"""Nodes of the longest axis for which the fields declare their candidates."""


class Name(NamedTuple):
    """The parts of a method's name FIELD+TERM+...@PERCENT/CORRECTION."""

    field: str
    terms: tuple[str, ...]
    percent: str
    correction: str

    @property
    def fit(self) -> str:
        """The name of the fit, which methods that differ in their correction alone share."""
        return "+".join([self.field, *self.terms]) + (f"@{self.percent}" if self.percent else "")

    @property
    def chooser(self) -> str:
        """The name of the method whose choice of settings this one uses: a frozen one, that of learning throughout."""
        return self._replace(percent="", correction="").fit

    @property
    def regularizer(self) -> str:
        """All that distinguishes methods of one field, or `none`."""
        frozen = f"@{self.percent}" if self.percent else ""
        return ("+".join(self.terms) or "none") + frozen + (f"/{self.correction}" if self.correction else "")


class Method(NamedTuple):
    """A field with its terms, ready to be fitted."""

    name: Name
    settings: Settings
    """Before the choice, without the correction."""
    candidates: list[Changes]
    """Settings among which held-out pixels choose; a single entry, which may be empty, if there is no choice."""


def parse_name(text: str, kind: Kind = KINDS["picture"]) -> Name | None:
    """Split a method's name into its parts; None for a fill.

    Args:
        text: the name.
        kind: of data, which has fills and corrections of its own.

    Raises:
        UserError: no method has this name; the message says which part is unknown.
    """
    if text in kind.fills:
        return None
    fitted, slash, correction = text.partition("/")
    whole, at, percent = fitted.partition("@")
    field, *terms = whole.split("+")
    if slash and correction not in kind.corrections:
        raise UserError(unknown(f"method {text}: the correction {correction}", correction, kind.corrections))
    if field not in (*FIELDS, *ALIASES):
        raise UserError(f"{unknown(f'method {text}', field, [*kind.fills, *FIELDS, *ALIASES])}, and these with +term")
    for term in terms:
        if term not in TERMS:
            raise UserError(unknown(f"method {text}: the term {term}", term, TERMS))
    learning = [term for term, config in TERMS.items() if config.learns]
    if at and not {*learning} & {*terms}:
        raise UserError(f"method {text} has no Laplacian to freeze: add one of {', '.join(sorted(learning))}")
    if at and not (percent.isdecimal() and 0 < int(percent) <= 100):
        raise UserError(f"method {text}: {percent!r} is no percentage: give a whole number from 1 to 100 after the @")
    return Name(field, tuple(terms), percent, correction)


def build(name: Name, start: Settings, longest: int) -> Method:
    """Build a method.

    Args:
        name: its parts.
        start: settings that the method changes.
        longest: nodes of the longest axis, to which omega is proportional.
    """
    alias = ALIASES.get(name.field, {"field.name": name.field})
    field = FIELDS[alias["field.name"]]
    changes = {**field.habits, **alias, "regularizer.name": "+".join(name.terms) or "none"}
    # With several terms that learn, the default rates are kept: a rate that suits one can collapse another.
    if len(learning := [term for term in name.terms if TERMS[term].learns]) == 1:
        changes |= TERMS[learning[0]].habits
    # Adjacent fibers are evaluated in addition, so fewer are drawn: every method evaluates the same number of points.
    if any(TERMS[term].adjacent for term in name.terms):
        changes["train.fibers"] = round(changes.get("train.fibers", start.train.fibers) * 2 / 3)
    if name.percent:
        changes["optimizer.freeze_at"] = max(1, round(start.train.steps * float(name.percent) / 100))
    return Method(name, change(start, {"correction": "none", **changes}), _candidates(name, field, start, longest))


def _candidates(name: Name, field, start: Settings, longest: int) -> list[Changes]:
    """List all combinations of the candidates that field and terms declare."""
    terms = name.terms
    weights = {
        f"regularizer.{term}.weight": [field.weight_factor * weight for weight in TERMS[term].candidates]
        for term in terms
        if TERMS[term].candidates
    }
    choices: dict[str, list[Any]] = {}
    # A term without candidates belongs to a recipe whose settings are fixed, omega included.
    if all(TERMS[term].candidates for term in terms):
        if name.field in CANDIDATES:
            choices |= CANDIDATES[name.field](start.train.steps)
        else:
            choices |= {
                f"field.{option}": [value * longest / REFERENCE_SIZE for value in values]
                for option, values in field.candidates.items()
                # An option that is not at its default of 0 was set by the user, and is kept.
                if not getattr(start.field, option, 0)
            }
        choices |= weights
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
