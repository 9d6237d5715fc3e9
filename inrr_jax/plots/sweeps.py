"""Figures of a sweep, drawn from its tables: curves and heat maps, with the best value of each row marked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inrr_jax.experiments.summary import Table

_LOG_RATIO = 8
"""An axis is logarithmic if its largest value is at least this many times its smallest one."""


def curves(path: Path, tables: Sequence[Table]) -> None:
    """Draw a metric over one axis of a sweep: one panel per table, one line per value of the other axis.

    A line is the mean over the seeds, and its band reaches one standard deviation to either side. The best value of a
    line is a large dot.

    Args:
        path: of the PNG to write.
        tables: of the same metric, with the same axes and values. A column of a table becomes a horizontal place, and
            a row becomes a line; they are exchanged if only the rows are numbers.
    """
    # Numbers make a better horizontal axis than words.
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
            # A single seed has no standard deviation, and its band is empty.
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
        shown = panels[-1].get_legend_handles_labels()
        figure.legend(*shown, title=tables[0].names[0], loc="outside right upper", fontsize=8, title_fontsize=8)
    figure.savefig(path, dpi=100)


def _places(axes, table: Table) -> np.ndarray:
    """Return the horizontal places of a table's columns, and set the ticks and the scale of the axis.

    Numbers are placed by their value, on a logarithmic axis if they span a wide range; words at equal distances.
    """
    values = table.across
    if not _are_numbers(values):
        axes.set_xticks(range(len(values)), [str(value) for value in values])
        return np.arange(len(values))
    if min(values) > 0 and max(values) >= _LOG_RATIO * min(values):
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(values, [f"{value:g}" for value in values])
    return np.array(values, float)


def _are_numbers(values: Sequence) -> bool:
    # Python counts True and False as integers.
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def heat(path: Path, tables: Sequence[Table]) -> None:
    """Draw a metric over both axes of a sweep as a heat map: one panel per table.

    Each cell shows the mean over the seeds as a colour and as a number, with two digits for PSNR in dB and three for
    other metrics. The best cell of each row has a red frame. Cells in which a fit diverged are empty.

    Args:
        path: of the PNG to write.
        tables: of the same metric, with the same axes and values. All panels share one colour scale.
    """
    lines, columns = len(tables[0].down), len(tables[0].across)
    figure = Figure(
        figsize=(1.4 + (0.6 + 0.62 * columns) * len(tables), max(2.2, 1.2 + 0.42 * lines)), layout="constrained"
    )
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    # The limits exist only if at least one fit did not diverge.
    means = np.concatenate([table.mean.ravel() for table in tables])
    low, high = (np.nanmin(means), np.nanmax(means)) if np.isfinite(means).any() else (0.0, 1.0)
    for axes, table in zip(panels, tables, strict=True):
        shown = axes.imshow(table.mean, cmap="viridis", vmin=low, vmax=high, aspect="auto")
        for (i, j), value in np.ndenumerate(table.mean):
            if np.isfinite(value):
                # The colour map is bright for large values, so that black is readable there and white elsewhere.
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


def _frame(column: int, line: int) -> Rectangle:
    return Rectangle((column - 0.47, line - 0.45), 0.94, 0.9, fill=False, edgecolor="tab:red", linewidth=2)


def _short(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
