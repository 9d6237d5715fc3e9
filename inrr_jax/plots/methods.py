"""Figures that compare methods: their recoveries and errors, and their gains over a reference."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from inrr_jax.operators.masking import paste
from inrr_jax.plots.images import paint_missing

COLUMNS = 6
"""Largest number of methods, with the truth, in one row of `side_by_side`."""
LOWEST_GAIN = -3.0
"""Decibels below which a gain is only a number: the bar of a method that fails would hide the differences of others."""


def side_by_side(
    path: Path,
    image: Float[np.ndarray, "H W C"],
    mask: Bool[np.ndarray, "H W"],
    recovered: Mapping[str, Float[np.ndarray, "H W C"]],
) -> None:
    """Draw the recoveries of several methods for one problem, each above its error.

    The first panel is the truth, above its observed pixels with the missing ones in red. Each further panel is a
    recovery in which observed pixels have been replaced by the observations, above its absolute error (mean over the
    channels). All errors share one colour scale, from 0 to the median over the methods of the 98 % quantile of their
    errors on missing pixels.

    Args:
        path: of the PNG to write.
        image: the true picture, in [0, 1].
        mask: True where observed.
        recovered: raw outputs of the methods, in [0, 1], by the titles of their panels.
    """
    pasted = {title: paste(values, image, mask) for title, values in recovered.items()}
    errors = {title: np.abs(values - image).mean(axis=-1) for title, values in pasted.items()}
    # One colour scale makes the errors comparable. The median keeps a single bad method from determining it.
    top = float(np.median([np.quantile(error[~mask], 0.98) for error in errors.values()])) if errors else 1.0
    pictures = [("truth\nsampled", image, paint_missing(image, mask))]
    pictures += [(title, values, errors[title]) for title, values in pasted.items()]
    height, width = mask.shape
    down = -(-len(pictures) // COLUMNS)
    across = -(-len(pictures) // down)
    figure = Figure(figsize=(2.2 * across, down * (4.4 * height / width + 0.5)), layout="constrained")
    panels = figure.subplots(2 * down, across, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for i, (title, picture, beneath) in enumerate(pictures):
        above, below = panels[2 * (i // across) : 2 * (i // across) + 2, i % across]
        above.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        above.set_title(title, fontsize=9)
        # The colours do not apply to the observed pixels under the truth, which are a colour picture.
        below.imshow(beneath, cmap="magma", vmin=0, vmax=max(top, 1e-3), interpolation="nearest")
    figure.savefig(path, dpi=90)


def gains(
    path: Path,
    panels: Mapping[str, Mapping[str, Float[np.ndarray, "cases"]]],
    reference: str,
    quantity: str = "PSNR on missing entries",
) -> None:
    """Draw the gain of each method in PSNR over a reference, in dB, as horizontal bars.

    There is one panel per title and one bar per method, whose length is the mean over the cases. Each case is a dot.
    Bars of positive gains are blue, others grey. Bars are cut off at `LOWEST_GAIN`, with the
    mean as a number, and lower dots are left out.

    Args:
        path: of the PNG to write.
        panels: the gains in dB, one value per case, by title and method.
        reference: name of the reference, for the label of the axis.
        quantity: the score, for the same label.
    """
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
    figure = Figure(figsize=(2.2 + 2.6 * len(panels), 1 + 0.24 * len(names)), layout="constrained")
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, panel) in zip(row, panels.items(), strict=True):
        places = [names.index(name) for name in panel]
        means = np.array([values.mean() for values in panel.values()])
        axes.barh(places, means.clip(min=LOWEST_GAIN), color=np.where(means > 0, "tab:blue", "0.65"))
        for place, values in zip(places, panel.values(), strict=True):
            dots = values[values >= LOWEST_GAIN]
            axes.plot(dots, np.full(len(dots), place), ".", color="black", markersize=3)
            if values.mean() < LOWEST_GAIN:
                hide_dots = {"facecolor": "0.65", "edgecolor": "none", "pad": 0}
                axes.text(LOWEST_GAIN, place, f" {values.mean():.1f}", fontsize=7, va="center", bbox=hide_dots)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlim(left=max(axes.get_xlim()[0], LOWEST_GAIN))
        axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()  # once is enough, because the panels share this axis
    figure.supxlabel(f"{quantity} over {reference} / dB; dots: signals", fontsize=9)
    figure.savefig(path, dpi=100)
