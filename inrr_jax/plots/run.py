"""The figure of one run: its pictures, its learned Laplacians and its errors during training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from inrr_jax.plots.images import aspect, paint_missing


def comparison(
    path: Path,
    image: Float[np.ndarray, "H W C"],
    mask: Bool[np.ndarray, "H W"],
    recovered: Float[np.ndarray, "H W C"],
    laplacians: Mapping[str, Mapping[str, Float[np.ndarray, "n n"]]],
    rows: list[dict[str, Any]],
    *,
    has_truth: bool,
) -> None:
    """Draw the figure of one run, with two rows of panels.

    Upper row: the observed pixels with the missing ones in red, the recovery and, where the truth is known, the truth
    and the absolute error (mean over the channels; colours end at its 99.5 % quantile).

    Lower row: one matrix of n x n nodes per learned Laplacian, on a symmetric logarithmic colour scale; then the mean
    squared error on observed and on missing pixels (logarithmic axis) over the steps of the fit.

    Args:
        path: of the PNG to write.
        image: the picture, in [0, 1].
        mask: True where observed.
        recovered: the raw output of the fit, in [0, 1].
        laplacians: learned Laplacians by the name of their term and then of their axis; may be empty.
        rows: the metrics of the fit, one row per evaluated step, as `writers.read_lines` returns them.
        has_truth: whether the missing pixels of `image` hold their true values.
    """
    # The margins are given, because a layout engine would need a second to find them.
    figure = Figure(figsize=(14, 7))
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.0, 0.9))  # type: ignore[misc]
    pictures = [("sampled", paint_missing(image, mask)), ("recovered", recovered)]
    if has_truth:
        pictures += [("truth", image), ("absolute error", np.abs(recovered - image).mean(axis=-1))]
    widths = [1.0 if picture.ndim == 3 else 1.25 for _, picture in pictures]  # a map of errors has a colour bar
    shown = top.subplots(1, len(pictures), width_ratios=widths, squeeze=False)[0]
    for axes, (title, picture) in zip(shown, pictures, strict=True):
        _show(axes, title, picture)
    matrices = {f"{term}, {axis}": matrix for term, by in laplacians.items() for axis, matrix in by.items()}
    panels = bottom.subplots(1, len(matrices) + 1, width_ratios=[1.0] * len(matrices) + [1.8], squeeze=False)[0]
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=False):
        _show_laplacian(axes, name, matrix)
    _curves(panels[-1], rows)
    top.subplots_adjust(left=0.01, right=0.97, bottom=0.02, top=0.93, wspace=0.04)
    bottom.subplots_adjust(left=0.065, right=0.985, bottom=0.15, top=0.91, wspace=0.42)
    figure.savefig(path, dpi=100)


def _show(axes, title: str, picture: np.ndarray) -> None:
    """Show a picture [H, W, C] in [0, 1], or a map of errors [H, W] with a colour bar."""
    is_error = picture.ndim == 2
    shown = axes.imshow(
        picture,
        cmap="magma" if is_error else "gray",
        vmin=0,
        vmax=max(float(np.quantile(picture, 0.995)), 1e-3) if is_error else 1,
        interpolation="nearest",
        aspect=aspect(*picture.shape[:2]),
    )
    axes.set_title(title)
    axes.set_axis_off()
    if is_error:
        axes.figure.colorbar(shown, ax=axes, shrink=0.8)


def _show_laplacian(axes, name: str, matrix: Float[np.ndarray, "n n"]) -> None:
    # The diagonal holds the degrees of the nodes, near 1. The similarities off the diagonal are much smaller and would
    # all look alike, so the colours are scaled to them, and the diagonal saturates.
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    limit = max(float(np.abs(off_diagonal).max()), 1e-6)  # a colour scale needs a positive range, also for zeros
    norm = SymLogNorm(linthresh=limit / 300, vmin=-limit, vmax=limit)
    shown = axes.imshow(matrix, cmap="RdBu_r", norm=norm, interpolation="nearest")
    axes.set_title(f"Laplacian, {name}")
    axes.set_xlabel("node")
    axes.set_ylabel("node")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8)


def _curves(axes, rows: list[dict[str, Any]]) -> None:
    """Draw the mean squared errors over the steps. Scores that are None, as without the truth, are not drawn."""
    for name, color in (("observed", "tab:blue"), ("missing", "tab:red")):
        points = [(row["step"], row[f"psnr_{name}"]) for row in rows if row.get(f"psnr_{name}") is not None]
        if points:
            steps, psnr = zip(*points, strict=True)
            # The rows hold PSNR = -10 log10 of the mean squared error.
            axes.semilogy(steps, 10.0 ** (-np.asarray(psnr) / 10), color=color, marker=".", label=f"{name} pixels")
    axes.set_xlabel("step")
    axes.set_ylabel("mean squared error")
    axes.grid(visible=True, which="both", alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
