"""Figures of the study of the smoothness theorem (ntk/study.py) and of the kernel benchmark."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

_INFINITE = "black"


def functions(path: Path, line: dict[str, Any]) -> None:
    """Draw the infinite-width kernel's predictions of a line, one panel per omega.

    Args:
        path: the image file to write.
        line: the result of `study.line`.
    """
    shown = line["predictions"]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.1 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    for axes, (omega, prediction) in zip(panels, shown.items(), strict=False):
        axes.plot(line["points"], prediction, linewidth=1.0, color="tab:blue")
        axes.plot(line["samples"], line["targets"], "o", color="tab:red", markersize=4)
        axes.set_title(rf"$\omega$ = {float(omega):g}", fontsize=10)
        axes.grid(alpha=0.3)
    figure.supxlabel("x", fontsize=10)
    figure.supylabel("prediction", fontsize=10)
    figure.savefig(path, dpi=110)


def limits(path: Path, line: dict[str, Any]) -> None:
    """Draw the off-diagonal entries, the standard deviation and the slope over omega, one curve per width.

    Args:
        path: the image file to write.
        line: the result of `study.line`.
    """
    infinite = line["infinite"]
    omegas = np.array(infinite["omega"])
    figure = Figure(figsize=(11.5, 3.7), layout="constrained")
    names = {
        "off_diagonal": "off-diagonal entries over diagonal, rms",
        "standard_deviation": "standard deviation away from the samples",
        "slope": "slope of the prediction, rms",
    }
    for axes, (name, title) in zip(figure.subplots(1, 3), names.items(), strict=True):
        for shade, (width, rows) in zip(_shades(len(line["networks"])), line["networks"].items(), strict=True):
            axes.loglog(omegas, rows[name], "o-", color=shade, markersize=3, linewidth=1, label=f"width {width}")
        axes.loglog(omegas, infinite[name], color=_INFINITE, linewidth=1.6, label="infinite width")
        # The limit is an asymptote: it is drawn only where it is near the curve.
        large = omegas >= 8
        theory = np.array(infinite["slope_limit"]) if name == "slope" else infinite[name][-1] * omegas[-1] / omegas
        label = r"limit, $\propto\sqrt{\omega}$" if name == "slope" else r"$\propto 1/\omega$"
        axes.loglog(omegas[large], theory[large], "--", color="tab:red", linewidth=1.2, label=label)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(r"$\omega$")
        axes.grid(alpha=0.3, which="major")
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def _shades(count: int) -> np.ndarray:
    """Return `count` colours from light to dark, for curves that have an order."""
    # The ends of the colour map are left out: the lightest is invisible on white, the darkest looks like black.
    return colormaps["viridis_r"](np.linspace(0.2, 0.8, count))


def halves(path: Path, image: dict[str, Any]) -> None:
    """Draw the loss of each half of each image over omega, against the best omega for that half.

    Args:
        path: the image file to write.
        image: the result of `study.image`.
    """
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    panels = figure.subplots(1, len(image["psnr"]), sharey=True, squeeze=False)[0]
    sides = {"random": ("left half", "right half"), "density": ("left half, dense", "right half, sparse")}
    for axes, (mode, pictures) in zip(panels, image["psnr"].items(), strict=True):
        psnr = np.array(list(pictures.values()))[:, :, :2]  # images, omegas, halves
        loss = psnr.max(axis=1, keepdims=True) - psnr
        for side, (label, color) in enumerate(zip(sides[mode], ("tab:blue", "tab:orange"), strict=True)):
            for curve in loss[:, :, side]:
                axes.plot(image["omegas"], curve, color=color, linewidth=0.6, alpha=0.5)
            mean = loss[:, :, side].mean(axis=0)
            axes.plot(image["omegas"], mean, "o-", color=color, linewidth=2, markersize=4, label=label)
        axes.set_title(f"{mode} mask", fontsize=10)
        axes.set_xscale("log")
        # The default labels of so short a logarithmic axis are powers of ten, of which it holds only one.
        axes.set_xticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
        axes.minorticks_off()
        axes.set_xlabel(r"$\omega$")
        axes.set_ylim(-0.2, 6.0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    panels[0].set_ylabel("PSNR lost on missing pixels / dB")
    figure.savefig(path, dpi=110)


def methods(path: Path, rows: dict[str, dict[str, float]]) -> None:
    """Draw the seconds and the memory of each way to compute a kernel, with their ratios to the last one.

    Args:
        path: the image file to write.
        rows: `seconds` and `added` (memory in bytes) of each method, by name.
    """
    figure = Figure(figsize=(8.0, 2.2), layout="constrained")
    quantities = {"seconds": ("seconds", 1.0), "added": ("memory / MiB", 2.0**20)}
    for axes, (name, (label, unit)) in zip(figure.subplots(1, 2, sharey=True), quantities.items(), strict=True):
        values = np.array([row[name] / unit for row in rows.values()])
        bars = axes.barh(list(rows), values, color=["tab:grey", "tab:blue", "tab:green"])
        ratios = values / values[-1]
        axes.bar_label(bars, [f"{value:.3g}  ({ratio:.0f} x)" for value, ratio in zip(values, ratios, strict=True)])
        axes.set_xscale("log")
        axes.set_xlim(values.min() / 2, values.max() * 12)  # room for the labels at the bars' ends
        axes.set_xlabel(label)
    figure.savefig(path, dpi=110)


def residuals(path: Path, curve: list[float]) -> None:
    """Draw the relative residuals of conjugate gradients over the steps.

    Args:
        path: the image file to write.
        curve: the relative residual after each step.
    """
    figure = Figure(figsize=(5.0, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(range(1, len(curve) + 1), curve, "o-", markersize=3)
    axes.set_xlabel("step of conjugate gradients")
    axes.set_ylabel("relative residual")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
