"""The figures of the properties, each from the data of its measurement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from inrr_jax.plots.run import paint_missing

COLORS = {"none": "0.45", "AIR": "tab:orange", "INRR": "tab:blue"}


def figure2(path: Path, data: dict[str, Any]) -> None:
    """Draw the sampled picture, the recoveries, and the truth."""
    pictures = {"sampled": paint_missing(data["image"], data["mask"])}
    for name, picture in data["recovered"].items():
        pictures[f"{name}: {data['psnr'][name][0]:.2f} dB"] = picture
    pictures["truth"] = data["image"]
    figure = Figure(figsize=(11, 3.1), layout="constrained")
    for axes, (title, picture) in zip(figure.subplots(1, len(pictures)), pictures.items(), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
    figure.savefig(path, dpi=66)


def momentum(path: Path, data: dict[str, Any]) -> None:
    """Draw the trajectories of errors, and the cosines of gradients over time."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, runs in data["trajectories"].items():
        for i, run in enumerate(runs):
            left.plot(run.observed, run.missing, color=COLORS[name], linewidth=1, label=None if i else name)
            left.plot(run.observed[-1], run.missing[-1], "o", color=COLORS[name], markersize=4)
    left.set_yscale("log")
    _finish(left, "errors; dots: the end", "observed mean squared error", log_x=True)
    left.set_ylabel("missing mean squared error")
    left.legend(fontsize=9)
    colors = ("tab:blue", "0.45", "tab:red")
    for name, color, curves in zip(data["names"], colors, np.moveaxis(data["cosines"], 1, 0), strict=True):
        right.plot(_smoothed(curves[:, 1:].mean(axis=0)), color=color, label=f"cos({name})")
    right.axhline(0, color="black", linewidth=0.6)
    _finish(right, "directions, mean over the seeds", "step")
    right.set_ylabel("cosine, over 10 steps")
    right.set_ylim(-1.1, 1.75)
    right.legend(fontsize=9, loc="upper left")
    figure.savefig(path, dpi=100)


def effective_rank(path: Path, data: dict[str, Any]) -> None:
    """Draw the rank over training."""
    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for title, ranks in data["ranks"].items():
        (line,) = axes.plot(data["steps"], ranks.mean(axis=0), label=title)
        axes.fill_between(
            data["steps"], ranks.min(axis=0), ranks.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0
        )
    axes.axhline(data["truth"], color="black", linestyle="--", linewidth=0.8, label="whole picture")
    axes.set_yscale("log")
    _finish(axes, "", "step")
    axes.set_ylabel("effective rank of the recovery")
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=100)


def similarity(path: Path, data: dict[str, Any]) -> None:
    """Draw the adjacencies at several times, and their scale over training."""
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    pictures, curves = figure.subfigures(1, 2, width_ratios=(2.5, 1), squeeze=False)[0]
    panels = pictures.subplots(len(data["shown"]), len(data["times"]), squeeze=False)
    top = max(float(shown.max()) for shown in data["shown"].values())
    norm = LogNorm(top / 1000, top)
    for row, (axis, shown) in zip(panels, data["shown"].items(), strict=True):
        for axes, time, matrix in zip(row, data["times"], shown, strict=True):
            image = axes.imshow(np.maximum(matrix, top / 1000), cmap="magma", norm=norm, interpolation="nearest")
            axes.set_title(f"{axis}, step {data['steps'][time]}", fontsize=9)
            axes.set_xticks([])
            axes.set_yticks([])
    pictures.colorbar(image, ax=panels, shrink=0.7, label="similarity")
    axes = curves.subplots()
    for (axis, scales), color in zip(data["scales"].items(), ("tab:blue", "tab:red"), strict=True):
        for i, scale in enumerate(scales):
            axes.plot(data["steps"], scale, color=color, linewidth=1, label=None if i else axis)
    _finish(axes, "", "step")
    axes.set_ylabel("scale / pixels")
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=90)


def learned_or_frozen(path: Path, data: dict[str, Any]) -> None:
    """Draw a dot per seed, seeds joined, and the mean of every Laplacian."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    names = [name.replace(" at", "\nat") for name in data["psnr"]]
    scores = np.array(list(data["psnr"].values()))
    for i, values in enumerate(scores.T):
        axes.plot(names, values, ".-", color="0.6", linewidth=0.6, label=None if i else "seeds")
    axes.plot(names, scores.mean(axis=1), "_", color="tab:blue", markersize=40, markeredgewidth=2, label="mean")
    axes.axhline(scores[names.index("learned")].mean(), color="tab:blue", linewidth=0.6, linestyle="--")
    axes.set_ylabel("PSNR missing / dB")
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(fontsize=9, markerscale=0.4, loc="lower right")
    figure.savefig(path, dpi=100)


def spectral_bias(path: Path, data: dict[str, Any]) -> None:
    """Draw, for each field, the error of every band over training."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, len(data["errors"]), sharey=True)
    for axes, (title, errors) in zip(panels, data["errors"].items(), strict=True):
        for band in range(data["bands"]):
            color = (band / data["bands"], 0.25, 1 - band / data["bands"])
            low, high = (k / 2 / data["bands"] for k in (band, band + 1))
            label = f"{low:.3f}-{high:.3f}"
            axes.plot(data["steps"], errors[:, :, band].mean(axis=0), color=color, linewidth=1.3, label=label)
        axes.set_yscale("log")
        axes.set_ylim(bottom=1e-3, top=3)
        _finish(axes, title, "step")
    panels[0].set_ylabel("relative squared error")
    panels[-1].legend(fontsize=7, title="cycles per pixel", title_fontsize=8)
    figure.savefig(path, dpi=100)


DRAW: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    draw.__name__: draw for draw in (figure2, momentum, effective_rank, similarity, learned_or_frozen, spectral_bias)
}


def _finish(axes, title: str, x_label: str, *, log_x: bool = False) -> None:
    if log_x:
        axes.set_xscale("log")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label)
    axes.grid(visible=True, which="both", alpha=0.25)


def _smoothed(values: np.ndarray) -> np.ndarray:
    width = min(10, len(values))
    return np.convolve(values, np.ones(width) / width, mode="valid")
