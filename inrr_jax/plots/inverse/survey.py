"""Velocity models and shot gathers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from inrr_jax.types import Row


def models(
    path: Path,
    titled: Mapping[str, Float[np.ndarray, "nz nx"]],
    spacing: Sequence[float],
    limits: tuple[float, float],
    errors: Sequence[str] = (),
) -> None:
    """Draw velocities in km/s on one scale, and errors on another with zero in its middle.

    Args:
        path: of the picture to write.
        titled: velocities in m/s by title.
        spacing: of the nodes in m.
        limits: of the colours of velocities, in m/s.
        errors: titles of errors.
    """
    columns = 2 if len(titled) <= 4 else 4
    rows = -(-len(titled) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    largest = max((float(np.abs(titled[name]).max()) for name in errors), default=1.0) / 1000
    for axes in panels[len(titled) :]:
        axes.set_axis_off()
    for axes, (title, values) in zip(panels, titled.items(), strict=False):
        extent = (0, values.shape[1] * spacing[1] / 1000, values.shape[0] * spacing[0] / 1000, 0)
        colours = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        if title not in errors:
            colours = {"cmap": "viridis", "vmin": limits[0] / 1000, "vmax": limits[1] / 1000}
        shown = axes.imshow(values / 1000, extent=extent, **colours)
        axes.set_title(title, fontsize=9)
        axes.set(xlabel="distance in km", ylabel="depth in km")
        figure.colorbar(shown, ax=axes, shrink=0.8, label="km/s")
    figure.savefig(path, dpi=90)


def gathers(path: Path, titled: Mapping[str, Float[np.ndarray, "T R"]], duration: float) -> None:
    """Draw gathers of one shot side by side, all on the scale of the first."""
    figure = Figure(figsize=(3.2 * len(titled), 3.6), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(titled), sharey=True))
    limit = float(np.quantile(np.abs(next(iter(titled.values()))), 0.99)) or 1.0
    for axes, (title, record) in zip(panels, titled.items(), strict=True):
        extent = (0, record.shape[1], duration, 0)
        axes.imshow(record, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", extent=extent)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("receiver")
    panels[0].set_ylabel("time in s")
    figure.savefig(path, dpi=90)


def progress(path: Path, rows: Sequence[Row], names: Sequence[str], edges: Sequence[int]) -> None:
    """Draw scores over the steps, with lines where a new band begins."""
    figure = Figure(figsize=(3.6 * len(names), 2.8), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        known = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if known:
            axes.plot(*zip(*known, strict=True), marker=".")
        for edge in edges:
            axes.axvline(edge, color="0.8", zorder=0)
        axes.set(xlabel="step", title=name)
    figure.savefig(path, dpi=90)
