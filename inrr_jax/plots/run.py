"""The figure of one run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

MISSING_COLOR = (0.85, 0.25, 0.25)


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
    """Draw one run: sampled, recovered, truth and error; the learned Laplacians; the errors over its steps.

    Args:
        path: of the PNG to write.
        image: the picture in [0, 1].
        mask: True where observed; missing pixels are drawn red.
        recovered: the raw output in [0, 1].
        laplacians: by the names of their term and axis; may be empty.
        rows: metrics by step, as `writers.read_lines` returns them.
        has_truth: whether the picture's missing pixels hold the truth.
    """
    figure = Figure(figsize=(14, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.0, 0.9))  # type: ignore[misc]
    pictures = [("sampled", paint_missing(image, mask)), ("recovered", recovered)]
    if has_truth:
        pictures += [("truth", image), ("absolute error", np.abs(recovered - image).mean(axis=-1))]
    for axes, (title, picture) in zip(top.subplots(1, len(pictures), squeeze=False)[0], pictures, strict=True):
        _show(axes, title, picture)
    matrices = {f"{term}, {axis}": matrix for term, by in laplacians.items() for axis, matrix in by.items()}
    panels = bottom.subplots(1, len(matrices) + 1, width_ratios=[1.0] * len(matrices) + [1.8], squeeze=False)[0]
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=False):
        _show_laplacian(axes, name, matrix)
    _curves(panels[-1], rows)
    figure.savefig(path, dpi=100)


def pictures(path: Path, titled: Mapping[str, Float[np.ndarray, "H W 3"]], columns: int = 7) -> None:
    """Draw pictures in [0, 1] under their titles, in rows."""
    rows = -(-len(titled) // columns)
    figure = Figure(figsize=(1.6 * columns, 1.85 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (title, picture) in zip(panels, titled.items(), strict=False):
        axes.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=9)
    figure.savefig(path, dpi=80)


def paint_missing(image: Float[np.ndarray, "H W C"], mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "H W 3"]:
    """Return the picture in colour with its missing pixels red."""
    color = np.broadcast_to(image, (*image.shape[:2], 3))
    return np.where(mask[..., None], color, np.asarray(MISSING_COLOR, image.dtype))


def _show(axes, title: str, picture: np.ndarray) -> None:
    is_error = picture.ndim == 2
    shown = axes.imshow(
        picture,
        cmap="magma" if is_error else "gray",
        vmin=0,
        vmax=max(float(np.quantile(picture, 0.995)), 1e-3) if is_error else 1,
        interpolation="nearest",
    )
    axes.set_title(title)
    axes.set_axis_off()
    if is_error:
        axes.figure.colorbar(shown, ax=axes, shrink=0.8)


def _show_laplacian(axes, name: str, matrix: Float[np.ndarray, "n n"]) -> None:
    # The diagonal holds the degrees, near 1; the colours are scaled to the similarities beside it.
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    limit = max(float(np.abs(off_diagonal).max()), 1e-6)
    norm = SymLogNorm(linthresh=limit / 300, vmin=-limit, vmax=limit)
    shown = axes.imshow(matrix, cmap="RdBu_r", norm=norm, interpolation="nearest")
    axes.set_title(f"Laplacian, {name}")
    axes.set_xlabel("node")
    axes.set_ylabel("node")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8)


def _curves(axes, rows: list[dict[str, Any]]) -> None:
    for name, color in (("observed", "tab:blue"), ("missing", "tab:red")):
        points = [(row["step"], row[f"psnr_{name}"]) for row in rows if row.get(f"psnr_{name}") is not None]
        if points:
            steps, psnr = zip(*points, strict=True)
            axes.semilogy(steps, 10.0 ** (-np.asarray(psnr) / 10), color=color, marker=".", label=f"{name} pixels")
    axes.set_xlabel("step")
    axes.set_ylabel("mean squared error")
    axes.grid(visible=True, which="both", alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
