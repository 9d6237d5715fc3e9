"""Slices and profiles of a signal on a grid of any number of axes, in its own units."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from inrr_jax.plots.images import MISSING_COLOR, aspect

STYLES = {
    "truth": {"color": "black", "linewidth": 1.0, "linestyle": "--"},
    "recovered": {"color": "tab:blue", "linewidth": 1.2},
    "observed": {"color": "tab:orange", "marker": ".", "markersize": 4, "linestyle": "none"},
}
"""How the curves of a profile are drawn, the first one at the bottom."""


class Plane(NamedTuple):
    """A slice with two axes."""

    labels: tuple[str, str]
    """Of the vertical and of the horizontal axis."""
    lengths: tuple[float, float]
    """In the units of the labels."""
    values: Mapping[str, Float[np.ndarray, "H W"]]
    """`observed`, NaN where missing, `recovered`, and `truth` where it is known, in units of the signal."""


class Profile(NamedTuple):
    """The values along one axis."""

    label: str
    positions: Float[np.ndarray, "n"]
    """In the unit of the label."""
    values: Mapping[str, Float[np.ndarray, "n"]]
    """As those of a plane."""


def slices(path: Path, planes: Sequence[Plane], profiles: Sequence[Profile], unit: str) -> None:
    """Draw slices in rows, each with its error where the truth is known, above a row of profiles.

    The values of all panels share one colour scale, which is that of the recovered ones, and the errors another, from 0
    to their 99 % quantile. Missing entries are red.

    Args:
        path: of the PNG to write.
        planes: one for each row; all have the same arrays.
        profiles: drawn side by side.
        unit: of the values; empty if it is unknown.
    """
    figure = Figure(figsize=(13, 3.1 * len(planes) + 2.6), layout="constrained")
    rows = figure.subfigures(len(planes) + 1, 1, height_ratios=[3.1] * len(planes) + [2.6], squeeze=False)[:, 0]
    label = f"value / {unit}" if unit else "value"
    shown = [plane.values["recovered"] for plane in planes] or [np.zeros(1)]
    ends = float(min(map(np.nanmin, shown))), float(max(map(np.nanmax, shown)))
    errors = [np.abs(p.values["recovered"] - p.values["truth"]) for p in planes if "truth" in p.values]
    top = max((float(np.nanquantile(error, 0.99)) for error in errors), default=0.0)
    for row, plane in zip(rows, planes, strict=False):
        panels = dict(plane.values)
        if "truth" in panels:
            panels["absolute error"] = np.abs(panels["recovered"] - panels["truth"])
        _plane(row, plane, panels, ends, top, label)
    for axes, profile in zip(np.atleast_1d(rows[-1].subplots(1, len(profiles))), profiles, strict=True):
        _curves(axes, profile, label)
    rows[-1].axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)


def profiles(path: Path, found: Mapping[str, Profile], unit: str) -> None:
    """Draw values along one axis at several places, such as the spectra of some pixels.

    Args:
        path: of the PNG to write.
        found: the profiles by their titles; all have the same label and the same values.
        unit: of the values; empty if it is unknown.
    """
    columns = min(len(found), 3)
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(4.4 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for axes, (title, profile) in zip(panels, found.items(), strict=False):
        _curves(axes, profile, f"value / {unit}" if unit else "value")
        axes.set_title(title, fontsize=10)
        axes.label_outer()
    for axes in panels[len(found) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)


def _curves(axes, profile: Profile, label: str) -> None:
    """Draw one profile."""
    for name, style in STYLES.items():
        if name in profile.values:
            axes.plot(profile.positions, profile.values[name], label=name, **style)
    axes.set(xlabel=profile.label, ylabel=label)
    axes.grid(visible=True, alpha=0.3)


def _plane(row, plane: Plane, panels: Mapping[str, np.ndarray], ends: tuple[float, float], top: float, label: str):
    """Draw one row."""
    height, width = plane.lengths
    for axes, (title, values) in zip(row.subplots(1, len(panels), sharey=True), panels.items(), strict=True):
        is_error = title == "absolute error"
        axes.set_facecolor(MISSING_COLOR)
        low, high = (0.0, max(top, 1e-12)) if is_error else ends
        image = axes.imshow(
            values,
            cmap="magma" if is_error else "viridis",
            vmin=low,
            vmax=high,
            extent=(0, width, height, 0),
            aspect=aspect(height, width),
            interpolation="nearest",
        )
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(plane.labels[1])
        if title == next(iter(panels)):
            axes.set_ylabel(plane.labels[0])
        if is_error or title == [name for name in panels if name != "absolute error"][-1]:
            row.colorbar(image, ax=axes, label="" if is_error else label, shrink=0.9)
