"""Figures of the benchmarks: bars with quartiles, and curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure


def bars(path: Path, panels: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Draw repeated measurements as horizontal bars: one panel per title, one bar per name.

    The length of a bar is the median, and its error bar reaches from the lower to the upper quartile.

    Args:
        path: of the PNG to write.
        panels: measurements by title and name, each with the keys `low`, `median` and `high`. The title names the unit.
    """
    heights = [len(panel) + 1 for panel in panels.values()]
    figure = Figure(figsize=(9, 1 + 0.28 * sum(heights)), layout="constrained")
    stacked = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (title, panel) in zip(stacked, panels.items(), strict=True):
        low, median, high = (np.array([row[key] for row in panel.values()]) for key in ("low", "median", "high"))
        # Matplotlib expects error bars as distances from the median.
        axes.barh(list(panel), median, xerr=(median - low, high - median), color="tab:blue", ecolor="black", capsize=2)
        axes.invert_yaxis()
        axes.set_title(title)
        axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=100)


def lines(
    path: Path,
    panels: Mapping[str, Mapping[str, tuple[list[float], list[float]]]],
    horizontal: str,
    *,
    scale: str = "log",
) -> None:
    """Draw curves: one panel per title, one line per name.

    Args:
        path: of the PNG to write.
        panels: the coordinates (x, y) of each curve by title and name. The title names the quantity y and its unit.
        horizontal: label of the horizontal axes.
        scale: of both axes, `log` or `linear`.
    """
    figure = Figure(figsize=(5.5 * len(panels), 4.5), layout="constrained")
    for axes, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name, (x, y) in curves.items():
            axes.plot(x, y, marker=".", label=name)
        axes.set(title=title, xlabel=horizontal, xscale=scale, yscale=scale)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=100)
