"""Figures of the benchmarks: bars with quartiles, and curves."""

import textwrap
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


def pairs(
    path: Path,
    panels: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]],
    controls: Mapping[str, float],
    labels: Mapping[str, str],
    *,
    reach: float = 5.0,
) -> None:
    """Draw values of several versions of each name as dots on one line per name, one panel per title, side by side.

    Args:
        path: of the PNG to write.
        panels: PSNR in dB and its deviation by title, name and version. All panels have the same names and versions.
        controls: a value by title, drawn as a dashed line; a title may lack one.
        labels: of the versions, in the legend.
        reach: values that are farther from a panel's median are drawn at its border, with their number.
    """
    names = list(next(iter(panels.values())))
    figure = Figure(figsize=(1.5 + 2.4 * len(panels), 1.3 + 0.32 * len(names)), layout="constrained")
    columns = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, panel) in zip(columns, panels.items(), strict=True):
        middle = float(np.median([value for versions in panel.values() for value, _ in versions.values()]))
        for (version, label), marker, shift in zip(labels.items(), "os^v", (-0.12, 0.12, 0.3, -0.3), strict=False):
            values, deviations = np.transpose([panel[name][version] for name in names])
            inside = np.clip(values, middle - reach, middle + reach)
            places = np.arange(len(names)) + shift
            axes.errorbar(inside, places, xerr=deviations, label=label, fmt=marker, markersize=5, capsize=2, lw=1)
            for value, drawn, place in zip(values, inside, places, strict=True):
                if value != drawn:
                    side = 8 if value < drawn else -8
                    ends = {"ha": "left" if value < drawn else "right", "va": "center", "fontsize": 7}
                    axes.annotate(f"{value:.0f}", (drawn, place), (side, 0), textcoords="offset points", **ends)
        if title in controls:
            axes.axvline(controls[title], color="black", linestyle="--", linewidth=1, label="no field")
        axes.set_title("\n".join(textwrap.wrap(title, 24)), fontsize=9)
        axes.set(yticks=range(len(names)), yticklabels=names)
        axes.set(xlabel="PSNR / dB", xlim=(middle - reach - 1, middle + reach + 1))
        axes.grid(alpha=0.3)
    columns[0].set_ylim(len(names) - 0.5, -0.5)
    handles, texts = columns[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=len(texts), fontsize=9)
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
