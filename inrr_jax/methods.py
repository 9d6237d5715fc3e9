"""The methods of a comparison by name: classical fills, and fits of a field with the sum of terms that regularises it.

`harmonic` is a fill of baselines.py; `siren`, `siren+inrr`, `dmf+tv+air` are fits; `siren+inrr@25` is `siren+inrr` with
its Laplacians frozen from 25 % of the steps on. All fits have the steps and the fibres of the settings they start from.
"""

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

from inrr_jax.baselines import FILLS
from inrr_jax.errors import UserError, unknown
from inrr_jax.settings import Settings, change

Changes = dict[str, Any]
"""Settings by their dotted names."""


class Habit(NamedTuple):
    """What comes with a field or a term wherever it is used."""

    changes: Changes = {}
    candidates: Mapping[str, tuple[float, ...]] = {}
    """Values by dotted name, of which the held-out pixels choose; omega for 256 pixels along the longest side."""


OMEGA = {"field.omega": (15.0, 30.0)}

FIELDS: dict[str, Habit] = {
    "siren": Habit(candidates=OMEGA),
    "relu": Habit(),
    "fourier": Habit(candidates=OMEGA),
    # Muon would take its small start for granted and lift all singular values at once.
    "dmf": Habit({"optimizer.name": "adam", "optimizer.field_rate": 2e-2}),
}

WEIGHTS = {
    "inrr": (0.03, 0.13),
    "air": (0.13, 0.655),
    "grid": (0.03, 0.13),
    "tv": (3e-3, 1e-2),
    "tv_anisotropic": (3e-3, 1e-2),
    "tikhonov0": (1e-4, 1e-3),
    "tikhonov2": (1e-2, 1e-1),
    "weight_decay": (3e-3, 3e-2),
}

TERMS: dict[str, Habit] = {
    term: Habit(
        {"optimizer.laplacian_rate": 0.2} if term == "air" else {},
        {f"regularizer.weight.{term}": weights},
    )
    for term, weights in WEIGHTS.items()
}

LEARNING = {"inrr", "air"}
"""Terms whose Laplacians can be frozen."""


class Method(NamedTuple):
    """A field with its terms, ready to be fitted."""

    field: str
    regularizer: str
    """The sum of terms with `@percent` where the Laplacians are frozen, or `none`."""
    settings: Settings
    """Before the choice."""
    candidates: list[Changes]
    """Of which held-out pixels choose one; at least one, which may change nothing."""


def parse(name: str, start: Settings, longest: int) -> Method:
    """Build the method of this name.

    Args:
        name: `field`, `field+term+...` or either with `@percent`.
        start: settings that the method changes.
        longest: side of the picture in pixels, by which omega is scaled.

    Raises:
        UserError: the name of no method.
    """
    whole, at, percent = name.partition("@")
    field, *terms = whole.split("+")
    check(name)
    regularizer = "+".join(terms) or "none"
    habits = [FIELDS[field], *(TERMS[term] for term in terms)]
    changes: Changes = {"field.name": field, "regularizer.name": regularizer}
    for habit in habits:
        changes |= habit.changes
    if at:
        changes["optimizer.freeze_at"] = max(1, round(start.train.steps * float(percent) / 100))
    settings = change(start, changes)
    axes = {key: values for habit in habits for key, values in habit.candidates.items()}
    scaled = {key: _scaled(key, values, longest) for key, values in axes.items()}
    candidates = [dict(zip(scaled, values, strict=True)) for values in itertools.product(*scaled.values())]
    return Method(field, regularizer + at + percent, settings, candidates)


def check(name: str) -> None:
    """Refuse what names no method.

    Raises:
        UserError: it names none; the message says what of it is unknown.
    """
    if name in FILLS:
        return
    whole, at, percent = name.partition("@")
    field, *terms = whole.split("+")
    if field not in FIELDS:
        raise UserError(f"{unknown(f'method {name}', field, [*FILLS, *FIELDS])}, and these with +term")
    for term in terms:
        if term not in TERMS:
            raise UserError(unknown(f"method {name}: the term {term}", term, TERMS))
    if at and not LEARNING & {*terms}:
        raise UserError(f"method {name} has no Laplacian to freeze: add one of {', '.join(sorted(LEARNING))}")
    if at and not (percent.isdecimal() and 0 < int(percent) <= 100):
        raise UserError(f"method {name}: {percent!r} is no percentage: give a whole number from 1 to 100 after the @")


def chooser(name: str) -> str:
    """Return the method whose choice this one follows: a frozen one that of the same, learning throughout."""
    return name.partition("@")[0]


def _scaled(key: str, values: tuple[float, ...], longest: int) -> tuple[float, ...]:
    return tuple(value * longest / 256 for value in values) if key == "field.omega" else values
