"""The grid of a sweep: which settings vary, and how their values combine into fits."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from inrr_jax.errors import UserError
from inrr_jax.metrics import NAMES
from inrr_jax.options import MAX_SEED, Options, at_least, change, choice
from inrr_jax.settings import Settings

MAX_FITS = 100_000
_EXAMPLE = "such as (('mask.rate', (0.3, 0.5)), ('seed+mask.seed', (0, 1)))"


@dataclass(frozen=True)
class SweepSettings(Options):
    """A base fit, and the settings that vary."""

    fit: Settings = Settings()
    axes: tuple = ()
    """Pairs of a setting's dotted name and a tuple of its values. Names joined by + take the same value. Figures and
    tables show the mean and standard deviation over fits that differ in seeds alone."""
    combine: str = choice("product", "zip")
    """product: all combinations of the axes' values, the last axis varying fastest; zip: the first values of all axes
    together, then the second values, and so on."""
    ensemble: int = at_least(0, 0)
    """Number of initialisations of one problem, instead of axes: their mean, deviation and calibration are written."""
    at_once: int = at_least(0, 0)
    """Fits vectorised on a device; 1: one after another; 0: the fastest number, by a short measurement."""
    devices: int = at_least(0, 0, high=1024)
    """Virtual devices that a CPU is divided into; 0: one for each core that this process may use."""
    metric: str = choice("psnr_missing", *(name for name in NAMES if name != "psnr_missing"))
    """The metric in figures and report."""
    table: tuple = ()
    """Names of the two axes that span the heat map and the tables: rows and columns. Empty: the last two axes that are
    not seeds."""

    @property
    def names(self) -> list[str]:
        """The dotted names of all settings that vary."""
        return [name for names, _ in self.pairs for name in names]

    @property
    def pairs(self) -> list[tuple[list[str], Sequence[Any]]]:
        """Every axis as the names of its settings and their values."""
        # An ensemble is a sweep over the seed alone, so that both share all code after this.
        if self.ensemble:
            return [(["seed"], range(self.fit.seed, self.fit.seed + self.ensemble))]
        return [(name.split("+"), values) for name, values in self.axes]

    @property
    def shown(self) -> list[str]:
        """The axes that tables and figures show, by their first setting: those with several values, without seeds."""
        return [names[0] for names, values in self.pairs if len(values) > 1 and not _is_seeds(names)]

    @property
    def repeats(self) -> bool:
        """Whether there are several seeds."""
        return any(len(values) > 1 and _is_seeds(names) for names, values in self.pairs)

    @property
    def spanning(self) -> tuple[str, str]:
        """The axes of the tables' rows and columns; empty names if there are fewer."""
        down, across = self.table or ("", "", *self.shown)[-2:]
        return down, across


class Point(NamedTuple):
    """One fit of a sweep."""

    place: dict[str, Any]
    """The values of the settings that vary, by dotted name."""
    settings: Settings


def expand(settings: SweepSettings) -> list[Point]:
    """List the fits of a sweep, in order.

    Raises:
        UserError: no axes, or not in pairs; an axis without values; a setting that is unknown, does not take a value,
            or is in two axes; axes of different length under zip; two fits that are the same.
    """
    _check(settings)
    lengths = [len(values) for _, values in settings.pairs]
    if (count := math.prod(lengths) if settings.combine == "product" else lengths[0]) > MAX_FITS:
        raise UserError(f"a sweep of {count} fits: give fewer values, for at most {MAX_FITS} fits")
    places = [dict(place) for place in _combined(settings)]
    # All names of a place are changed together, because an option may exist only for the field that another axis names.
    points = [Point(place, change(settings.fit, place)) for place in places]
    # Settings are hashable, so that equal fits are found without comparing all pairs.
    first: dict[Settings, int] = {}
    for index, point in enumerate(points):
        same = first.setdefault(point.settings, index)
        if same != index:
            raise UserError(
                f"fits {same} and {index} are the same one, {format_place(point.place)}: give each value once"
            )
    return points


def _is_seeds(names: Sequence[str]) -> bool:
    return all(name.endswith("seed") for name in names)


def format_place(place: Mapping[str, Any]) -> str:
    """Return a place in the grid as text."""
    return ", ".join(f"{name}={value}" for name, value in place.items())


def _check(settings: SweepSettings) -> None:
    if settings.ensemble and settings.axes:
        raise UserError(f"ensemble={settings.ensemble} with axes: an ensemble varies the seed alone; give one of them")
    if not (settings.ensemble or settings.axes):
        raise UserError(f"axes is empty: give pairs of a setting and its values, {_EXAMPLE}")
    for pair in settings.axes:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], tuple)):
            raise UserError(f"axes holds {pair!r}: give pairs of a setting and its values, {_EXAMPLE}")
        if not pair[1]:
            raise UserError(f"axis {pair[0]} is empty: give its values, {_EXAMPLE}")
    names = settings.names
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"setting {twice[0]} is in two axes: give it once")
    if settings.combine == "zip" and len({len(values) for _, values in settings.pairs}) > 1:
        lengths = ", ".join(f"{'+'.join(names)} has {len(values)}" for names, values in settings.pairs)
        raise UserError(f"axes differ in length under combine=zip: {lengths}; give as many values each, or product")
    if settings.table and not (
        len(settings.table) == len({*settings.table}) == 2 and {*settings.table} <= {*settings.shown}
    ):
        raise UserError(
            f"table={settings.table} spans no table: give two different axes of {', '.join(settings.shown)}"
        )
    # Without the truth, all other metrics would compare with arbitrary values.
    if not settings.fit.data.truth and settings.metric != "psnr_observed":
        raise UserError(f"metric={settings.metric} needs data.truth: give psnr_observed, which does not")
    if settings.fit.seed + settings.ensemble - 1 > MAX_SEED:
        raise UserError(f"fit.seed={settings.fit.seed} with ensemble={settings.ensemble}: a seed is above {MAX_SEED}")


def _combined(settings: SweepSettings):
    axes = [[[(name, value) for name in names] for value in values] for names, values in settings.pairs]
    combined = itertools.product(*axes) if settings.combine == "product" else zip(*axes, strict=True)
    return (itertools.chain(*place) for place in combined)
