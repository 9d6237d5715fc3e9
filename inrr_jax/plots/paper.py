"""Figures of the paper's claims. Each draws the `data` that the module of the same name in experiments/paper measures.

Every function writes a PNG.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from inrr_jax.plots.images import paint_missing

COLORS = {"none": "0.45", "AIR": "tab:orange", "INRR": "tab:blue"}
"""By regulariser."""


def figure2(path: Path, data: dict[str, Any]) -> None:
    """Draw the paper's figure 2: one picture and its recoveries, in one row of panels without axes.

    The first panel shows the observed pixels, with the missing ones in red. It is followed by one recovery per method,
    with its PSNR on missing pixels in dB, and by the truth.

    Args:
        path: of the PNG to write.
        data: `image` [H, W, C] in [0, 1], `mask` [H, W] (True where observed), `recovered` (a picture by method) and
            `psnr` (a list over the seeds by method; the pictures are those of the first seed).
    """
    pictures = {"sampled": paint_missing(data["image"], data["mask"])}
    for name, picture in data["recovered"].items():
        pictures[f"{name}: {data['psnr'][name][0]:.2f} dB"] = picture
    pictures["truth"] = data["image"]
    figure = Figure(figsize=(2.1 * len(pictures), 2.4), layout="constrained")
    for axes, (title, picture) in zip(figure.subplots(1, len(pictures)), pictures.items(), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
    figure.savefig(path, dpi=66)


def momentum(path: Path, data: dict[str, Any]) -> None:
    """Draw the comparison of INRR's regulariser with momentum, in two panels.

    Left: the mean squared error on missing pixels over that on observed pixels, both logarithmic, as a fit passes
    through them. There is one curve per seed, coloured by regulariser, and a dot at its end. Right: cosines of the
    angles between update directions over the steps, averaged over the seeds and over 10 steps.

    Args:
        path: of the PNG to write.
        data: `trajectories` (a list of `Trajectory` by regulariser), `cosines` [seeds, 3, steps] and `names` (of the
            three cosines).
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, runs in data["trajectories"].items():
        for i, run in enumerate(runs):
            left.plot(run.observed, run.missing, color=COLORS[name], linewidth=1, label=None if i else name)
            left.plot(run.observed[-1], run.missing[-1], "o", color=COLORS[name], markersize=4)
    left.set_yscale("log")
    _label(left, "errors; dots: the end", "observed mean squared error", log_x=True)
    left.set_ylabel("missing mean squared error")
    left.legend(fontsize=9)
    colors = ("tab:blue", "0.45", "tab:red")
    for name, color, curves in zip(data["names"], colors, np.moveaxis(data["cosines"], 1, 0), strict=True):
        # The first step is not drawn: it has no past updates, so that one of its cosines is NaN.
        right.plot(_smoothed(curves[:, 1:].mean(axis=0)), color=color, label=f"cos({name})")
    right.axhline(0, color="black", linewidth=0.6)
    _label(right, "directions, mean over the seeds", "step")
    right.set_ylabel("cosine, over 10 steps")
    right.set_ylim(-1.1, 1.75)  # room above 1 for the legend
    right.legend(fontsize=9, loc="upper left")
    figure.savefig(path, dpi=100)


def effective_rank(path: Path, data: dict[str, Any]) -> None:
    """Draw the effective rank of the recovery (logarithmic) over the steps of the fit, one curve per field.

    A curve is the mean over the seeds, and its band is their range. The dashed line is the rank of the whole picture.

    Args:
        path: of the PNG to write.
        data: `steps` [T], `ranks` (an array [seeds, T] by field) and `truth` (the rank of the picture).
    """
    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for title, ranks in data["ranks"].items():
        (line,) = axes.plot(data["steps"], ranks.mean(axis=0), label=title)
        axes.fill_between(
            data["steps"], ranks.min(axis=0), ranks.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0
        )
    axes.axhline(data["truth"], color="black", linestyle="--", linewidth=0.8, label="whole picture")
    axes.set_yscale("log")
    _label(axes, "", "step")
    axes.set_ylabel("effective rank of the recovery")
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=100)


def similarity(path: Path, data: dict[str, Any]) -> None:
    """Draw the learned similarities of rows and columns during training.

    Left: the adjacency matrices of the first seed, one row of panels per axis of the picture and one column per time,
    on a common logarithmic colour scale over three decades. Right: the similarity scale in pixels over the steps, one
    line per seed, coloured by axis.

    Args:
        path: of the PNG to write.
        data: `steps` [T], `times` (indices into the steps), `shown` (an array [times, n, n] by axis) and `scales` (an
            array [seeds, T] by axis).
    """
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    pictures, curves = figure.subfigures(1, 2, width_ratios=(2.5, 1), squeeze=False)[0]
    panels = pictures.subplots(len(data["shown"]), len(data["times"]), squeeze=False)
    top = max(float(shown.max()) for shown in data["shown"].values())
    norm = LogNorm(top / 1000, top)
    for row, (axis, shown) in zip(panels, data["shown"].items(), strict=True):
        for axes, time, matrix in zip(row, data["times"], shown, strict=True):
            # A logarithmic scale cannot show zeros, such as those of the diagonal.
            image = axes.imshow(np.maximum(matrix, top / 1000), cmap="magma", norm=norm, interpolation="nearest")
            axes.set_title(f"{axis}, step {data['steps'][time]}", fontsize=9)
            axes.set_xticks([])
            axes.set_yticks([])
    pictures.colorbar(image, ax=panels, shrink=0.7, label="similarity")
    axes = curves.subplots()
    for (axis, scales), color in zip(data["scales"].items(), ("tab:blue", "tab:red"), strict=True):
        for i, scale in enumerate(scales):
            axes.plot(data["steps"], scale, color=color, linewidth=1, label=None if i else axis)
    _label(axes, "", "step")
    axes.set_ylabel("scale / pixels")
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=90)


def learned_or_frozen(path: Path, data: dict[str, Any]) -> None:
    """Draw the PSNR on missing pixels in dB for a Laplacian that is absent, learned, or frozen at several times.

    There is one dot per seed, and grey lines connect the dots of a seed. Blue bars mark the means over the seeds, and
    the dashed line continues the mean of the learned Laplacian.

    Args:
        path: of the PNG to write.
        data: `psnr`, a list over the seeds by Laplacian (`none`, `learned`, `frozen at 10 %`, ...).
    """
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
    """Draw the relative squared error in each frequency band over the steps of the fit, one panel per field.

    Each band is one line, the mean over the seeds, coloured from blue (low frequencies) to red (high ones). The
    vertical axis is logarithmic, and 1 means that nothing of the band has been fitted.

    Args:
        path: of the PNG to write.
        data: `steps` [T], `errors` (an array [seeds, T, bands] by field) and `bands` (their number).
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, len(data["errors"]), sharey=True)
    for axes, (title, errors) in zip(panels, data["errors"].items(), strict=True):
        for band in range(data["bands"]):
            color = (band / data["bands"], 0.25, 1 - band / data["bands"])
            # The bands divide the interval from 0 to 1/2 cycles per pixel evenly.
            low, high = (k / 2 / data["bands"] for k in (band, band + 1))
            label = f"{low:.3f}-{high:.3f}"
            axes.plot(data["steps"], errors[:, :, band].mean(axis=0), color=color, linewidth=1.3, label=label)
        axes.set_yscale("log")
        axes.set_ylim(bottom=1e-3, top=3)
        _label(axes, title, "step")
    panels[0].set_ylabel("relative squared error")
    panels[-1].legend(fontsize=7, title="cycles per pixel", title_fontsize=8)
    figure.savefig(path, dpi=100)


DRAW: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    draw.__name__: draw for draw in (figure2, momentum, effective_rank, similarity, learned_or_frozen, spectral_bias)
}
"""The functions above by their names, which are those of the measurements in experiments/paper."""


def _label(axes, title: str, x_label: str, *, log_x: bool = False) -> None:
    if log_x:
        axes.set_xscale("log")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label)
    axes.grid(visible=True, which="both", alpha=0.25)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return the running mean over 10 values, or over all of them if there are fewer."""
    width = min(10, len(values))
    return np.convolve(values, np.ones(width) / width, mode="valid")
