"""Pictures: a gallery of them, and the colour in which missing pixels are drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

MISSING_COLOR = (0.85, 0.25, 0.25)
"""Red, green and blue of missing pixels, in [0, 1]."""
LONGEST = 3.0
"""Largest ratio of the sides of a picture that is drawn in its proportions; longer ones fill their panel."""


def paint_missing(image: Float[np.ndarray, "H W C"], mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "H W 3"]:
    """Return the picture in colour, with its missing pixels painted in MISSING_COLOR.

    Args:
        image: grey (C = 1) or colour (C = 3), in [0, 1].
        mask: True where observed.
    """
    color = np.broadcast_to(image, (*image.shape[:2], 3))
    return np.where(mask[..., None], color, np.asarray(MISSING_COLOR, image.dtype))


def aspect(height: float | int, width: float | int) -> Literal["equal", "auto"]:
    """Return how matplotlib should draw a picture with these sides."""
    return "equal" if max(height / width, width / height) <= LONGEST else "auto"


def pictures(path: Path, titled: Mapping[str, Float[np.ndarray, "H W 3"]], columns: int = 7) -> None:
    """Draw a gallery of pictures, one panel each without axes, filled row by row.

    Args:
        path: of the PNG to write.
        titled: the pictures, with values in [0, 1], by the titles above them.
        columns: number of pictures in a row.
    """
    rows = -(-len(titled) // columns)
    figure = Figure(figsize=(1.6 * columns, 1.85 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (title, picture) in zip(panels, titled.items(), strict=False):
        axes.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=9)
    figure.savefig(path, dpi=80)
