"""The figure of an ensemble: how far its members disagree, and whether their disagreement predicts the error."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from inrr_jax.plots.images import paint_missing
from inrr_jax.training.ensemble import Calibration


def maps(
    path: Path,
    image: Float[np.ndarray, "H W C"],
    mask: Bool[np.ndarray, "H W"],
    mean: Float[np.ndarray, "H W C"],
    deviation: Float[np.ndarray, "H W C"],
    calibration: Calibration | None,
) -> None:
    """Draw the maps of an ensemble of fits to one problem, in one row of panels.

    The panels are the observed pixels with the missing ones in red, the mean of the members, and the standard deviation
    of the members. Where the truth is known, two panels follow: the absolute error of the mean, and a curve of the
    error over the standard deviation, in bins of missing entries. Standard deviation and error are means over the
    channels and share one colour scale, up to the 99 % quantile of their values on missing pixels.

    Args:
        path: of the PNG to write.
        image: the picture, in [0, 1].
        mask: True where observed.
        mean: of the members' recoveries.
        deviation: standard deviation of the members' recoveries.
        calibration: the curve, as `inrr_jax.training.ensemble.calibrate` returns it; None if the truth is unknown.
    """
    has_truth = calibration is not None
    std, error = (np.abs(x).mean(axis=-1) for x in (deviation, mean - image))
    top = float(np.quantile(np.stack([std, error])[:, ~mask] if has_truth else std[~mask], 0.99))
    panels = 3 + 2 * has_truth
    figure = Figure(figsize=(3.1 * panels, 3.2), layout="constrained")
    shown = figure.subplots(1, panels)
    titles = {"sampled": paint_missing(image, mask), "mean": mean}
    colored = {"standard deviation": std, "absolute error": error} if has_truth else {"standard deviation": std}
    for axes, (title, picture) in zip(shown, titles.items(), strict=False):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    for axes, (title, picture) in zip(shown[2:], colored.items(), strict=False):
        drawn = axes.imshow(picture, cmap="magma", vmin=0, vmax=top, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    figure.colorbar(drawn, ax=list(shown[2 : 2 + len(colored)]), shrink=0.75)
    for axes in shown[: 2 + len(colored)]:
        axes.set_axis_off()
    if calibration is not None:
        _calibration(shown[-1], calibration)
    figure.savefig(path, dpi=90)


def _calibration(axes, calibration: Calibration) -> None:
    """Draw error over standard deviation; on the dashed diagonal, they are equal."""
    high = 1.1 * max(calibration.deviation.max(), calibration.error.max())
    axes.plot([0, high], [0, high], "--", color="0.6", linewidth=1)
    axes.plot(calibration.deviation, calibration.error, ".-", color="tab:blue")
    axes.set(xlim=(0, high), ylim=(0, high), xlabel="deviation of the members", ylabel="error of their mean")
    axes.set_title("calibration on missing pixels", fontsize=10)
    axes.grid(alpha=0.3)
