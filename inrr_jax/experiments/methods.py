"""The methods of a comparison by name: classical fills, and fits of a field with the sum of terms that regularises it.

`harmonic` is a fill of stacking.py; `siren`, `siren+inrr`, `dmf+tv+air` are fits; `siren+inrr@25` is `siren+inrr` with
its Laplacians frozen from 25 % of the steps on; `siren+inrr/harmonic` is kriged harmonically after the fit. All fits
have the steps of the settings they start from, and the fibres; those with isotropic TV two thirds as many, as it
evaluates the ones beside the first axis's too: all evaluate the same number of points.

An omega that the settings give is not chosen. With the term `extension`, which is of one recipe, nothing is: omega and
weights are those of the settings.
"""

import itertools
from typing import Any, NamedTuple

from inrr_jax.errors import UserError, unknown
from inrr_jax.recipes.stacking import FILLS
from inrr_jax.settings import KRIGINGS, Settings, change

Changes = dict[str, Any]
"""Settings by their dotted names."""


class Habit(NamedTuple):
    """What comes with a field wherever it is used."""

    omegas: tuple[float, ...] = ()
    """Candidates for 256 pixels along the longest side, of which held-out pixels choose."""
    changes: Changes = {}
    weights: float = 1.0
    """Factor of the candidates in WEIGHTS."""


FIELDS: dict[str, Habit] = {
    "siren": Habit((15.0, 30.0)),
    "relu": Habit(),
    "fourier": Habit((15.0, 30.0)),
    "inrz": Habit((15.0, 30.0)),
    "inrz_patch": Habit((15.0, 30.0), {"field.name": "inrz", "field.neighbors": "patch"}),
    # Muon, whose steps have one length for all singular values, would lift the small ones along with the large.
    "dmf": Habit((), {"optimizer.name": "adam", "optimizer.field_rate": 2e-2}, weights=4.0),
}

WEIGHTS = {
    "inrr": (0.03, 0.13),
    "air": (0.13, 0.655),
    "grid": (0.01, 0.05),
    "tv": (3e-3, 1e-2),
    "tv_anisotropic": (3e-3, 1e-2),
    "tikhonov0": (1e-4, 1e-3),
    "tikhonov2": (1e-2, 5e-2),
    "weight_decay": (3e-3, 3e-2),
}
"""Candidates for each term, of which held-out pixels choose. The first four and tikhonov2 were looked for on
scikit-image's astronaut and coins, at 96 pixels under writing and with 70 % missing at random."""

TERMS = ("extension", *WEIGHTS)

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
    kriging: str
    """What comes after the fit, as kriging.py names it."""


def parse(name: str, start: Settings, longest: int) -> Method:
    """Build the method of this name.

    Args:
        name: `field`, `field+term+...` or either with `@percent`, `/kriging` or both, in this order.
        start: settings that the method changes.
        longest: side of the picture in pixels, by which omega is scaled.

    Raises:
        UserError: the name of no method.
    """
    check(name)
    fitted, slash, kriging = name.partition("/")
    whole, at, percent = fitted.partition("@")
    field, *terms = whole.split("+")
    regularizer = "+".join(terms) or "none"
    habit = FIELDS[field]
    changes: Changes = {"field.name": field, "regularizer.name": regularizer, **habit.changes}
    if LEARNING & {*terms} == {"air"}:
        changes["optimizer.laplacian_rate"] = 0.2  # of which INRR's networks collapse
    if "tv" in terms:
        changes["train.fibers"] = round(start.train.fibers * 2 / 3)
    if at:
        changes["optimizer.freeze_at"] = max(1, round(start.train.steps * float(percent) / 100))
    chosen = [] if "extension" in terms else terms
    choices = {f"regularizer.weight.{term}": [habit.weights * weight for weight in WEIGHTS[term]] for term in chosen}
    if habit.omegas and "extension" not in terms and not start.field.omega:
        choices = {"field.omega": [omega * longest / 256 for omega in habit.omegas], **choices}
    candidates = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    return Method(
        field, regularizer + at + percent + slash + kriging, change(start, changes), candidates, kriging or "none"
    )


def check(name: str) -> None:
    """Refuse what names no method.

    Raises:
        UserError: it names none; the message says what of it is unknown.
    """
    if name in FILLS:
        return
    fitted, slash, kriging = name.partition("/")
    if slash and kriging not in KRIGINGS:
        raise UserError(unknown(f"method {name}: the kriging {kriging}", kriging, KRIGINGS))
    whole, at, percent = fitted.partition("@")
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
    return fitted(name).partition("@")[0]


def fitted(name: str) -> str:
    """Return the method without what comes after its fit, which several may share."""
    return name.partition("/")[0]
