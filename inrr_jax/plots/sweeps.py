"""Figures of a sweep, from its tables: curves and heat maps with the best value of each line marked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inrr_jax.experiments.summary import Table
from inrr_jax.plots.run import paint_missing
from inrr_jax.training.ensemble import Calibration

_SPREAD = 8
"""Ratio of the largest to the smallest number of an axis from which on it is drawn in equal ratios."""


def curves(path: Path, tables: Sequence[Table]) -> None:
    """Draw the metric over one axis, a line for every value of the other, with one deviation either side."""
    if not _are_numbers(tables[0].across) and tables[0].names[0] and _are_numbers(tables[0].down):
        tables = [table.turned for table in tables]
    figure = Figure(figsize=(1 + 4.4 * len(tables), 3.8), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axes, table in zip(panels, tables, strict=True):
        x = _places(axes, table)
        shades = colormaps["viridis"](np.linspace(0.05, 0.85, len(table.down)))
        for value, line, mean, best, shade in zip(
            table.down, table.scores, table.mean, table.best, shades, strict=True
        ):
            deviation = np.array([cell.std(ddof=1) if len(cell) > 1 else 0.0 for cell in line])
            axes.plot(x, mean, color=shade, label=f"{value}", marker=".", markersize=3, linewidth=1.2)
            axes.fill_between(x, mean - deviation, mean + deviation, color=shade, alpha=0.15, linewidth=0)
            if best is not None and len(line) > 1:
                axes.plot(x[best], mean[best], "o", color=shade, markersize=6)
        axes.set_title(table.title, fontsize=10)
        axes.set_xlabel(table.names[1])
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(tables[0].metric)
    if tables[0].names[0]:
        panels[-1].legend(title=tables[0].names[0], fontsize=8, title_fontsize=8)
    figure.savefig(path, dpi=100)


def _places(axes, table: Table) -> np.ndarray:
    """Place the values across: as numbers, far apart ones in equal ratios, or words side by side."""
    values = table.across
    if not _are_numbers(values):
        axes.set_xticks(range(len(values)), [str(value) for value in values])
        return np.arange(len(values))
    if min(values) > 0 and max(values) >= _SPREAD * min(values):
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(values, [f"{value:g}" for value in values])
    return np.array(values, float)


def _are_numbers(values: Sequence) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def heat(path: Path, tables: Sequence[Table]) -> None:
    """Draw the metric over both axes as colours and numbers, the best value of every line in a frame."""
    lines, columns = len(tables[0].down), len(tables[0].across)
    figure = Figure(
        figsize=(1.4 + (0.6 + 0.62 * columns) * len(tables), max(2.2, 1.2 + 0.42 * lines)), layout="constrained"
    )
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    means = np.concatenate([table.mean.ravel() for table in tables])
    low, high = (np.nanmin(means), np.nanmax(means)) if np.isfinite(means).any() else (0.0, 1.0)
    for axes, table in zip(panels, tables, strict=True):
        shown = axes.imshow(table.mean, cmap="viridis", vmin=low, vmax=high, aspect="auto")
        for (i, j), value in np.ndenumerate(table.mean):
            if np.isfinite(value):
                color = "black" if value > (low + high) / 2 else "white"
                digits = 2 if table.metric.startswith("psnr") else 3
                axes.text(j, i, f"{value:.{digits}f}", ha="center", va="center", fontsize=8, color=color)
        for i, best in enumerate(table.best):
            if best is not None:
                axes.add_patch(_frame(best, i))
        axes.set_xticks(range(len(table.across)), [_short(value) for value in table.across])
        axes.set_yticks(range(len(table.down)), [_short(value) for value in table.down])
        axes.set_xlabel(table.names[1])
        axes.set_title(table.title, fontsize=10)
    panels[0].set_ylabel(tables[0].names[0])
    figure.colorbar(shown, ax=list(panels), label=tables[0].metric)
    figure.savefig(path, dpi=100)


def _frame(column: int, line: int):
    return Rectangle((column - 0.47, line - 0.45), 0.94, 0.9, fill=False, edgecolor="tab:red", linewidth=2)


def _short(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def ensemble(
    path: Path,
    image: Float[np.ndarray, "H W C"],
    mask: Bool[np.ndarray, "H W"],
    mean: Float[np.ndarray, "H W C"],
    deviation: Float[np.ndarray, "H W C"],
    calibration: Calibration | None,
) -> None:
    """Draw what is sampled, the mean of the members, their deviation and, where the truth is known, the error.

    Deviation and error have one range of colours. The curve compares them in bins of missing entries.
    """
    known = calibration is not None
    spread, error = (np.abs(x).mean(axis=-1) for x in (deviation, mean - image))
    top = float(np.quantile(np.stack([spread, error])[:, ~mask] if known else spread[~mask], 0.99))
    panels = 3 + 2 * known
    figure = Figure(figsize=(3.1 * panels, 3.2), layout="constrained")
    shown = figure.subplots(1, panels)
    titles = {"sampled": paint_missing(image, mask), "mean": mean}
    maps = {"standard deviation": spread, "absolute error": error} if known else {"standard deviation": spread}
    for axes, (title, picture) in zip(shown, titles.items(), strict=False):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    for axes, (title, picture) in zip(shown[2:], maps.items(), strict=False):
        drawn = axes.imshow(picture, cmap="magma", vmin=0, vmax=top, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    figure.colorbar(drawn, ax=list(shown[2 : 2 + len(maps)]), shrink=0.75)
    for axes in shown[: 2 + len(maps)]:
        axes.set_axis_off()
    if calibration is not None:
        _calibration(shown[-1], calibration)
    figure.savefig(path, dpi=90)


def _calibration(axes, told: Calibration) -> None:
    high = 1.1 * max(told.deviation.max(), told.error.max())
    axes.plot([0, high], [0, high], "--", color="0.6", linewidth=1)
    axes.plot(told.deviation, told.error, ".-", color="tab:blue")
    axes.set(xlim=(0, high), ylim=(0, high), xlabel="deviation of the members", ylabel="error of their mean")
    axes.set_title("calibration on missing pixels", fontsize=10)
    axes.grid(alpha=0.3)
