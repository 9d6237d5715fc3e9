"""Panels: pictures, maps with a colour scale of their own, and meshes, side by side."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

Mesh = tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "T 3"]]
"""Vertices and triangles."""


def maps(
    path: Path,
    titled: Mapping[str, Float[np.ndarray, "H W *C"]],
    *,
    limit: Mapping[str, float] | None = None,
    columns: int = 4,
) -> None:
    """Draw arrays side by side.

    Args:
        path: of the picture to write.
        titled: arrays by title: [H, W, 3] are colours in [0, 1], which are clipped; [H, W] are drawn in grey from 0 to
            1, or if `limit` names them, in blue and red from minus to plus this limit. NaN is blank.
        limit: the limits of the maps that have a sign, by title.
        columns: panels in a row.
    """
    limit = limit or {}
    columns = min(columns, len(titled))
    rows = -(-len(titled) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.75 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (title, values) in zip(panels, titled.items(), strict=False):
        axes.set_title(title, fontsize=8)
        if values.ndim == 3:
            axes.imshow(np.clip(values, 0, 1), interpolation="nearest")
        elif title in limit:
            shown = axes.imshow(values, cmap="RdBu_r", vmin=-limit[title], vmax=limit[title], interpolation="nearest")
            figure.colorbar(shown, ax=axes, shrink=0.8)
        else:
            axes.imshow(values, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    figure.savefig(path, dpi=90)


def meshes(path: Path, titled: Mapping[str, Mesh]) -> None:
    """Draw triangle meshes side by side, lit from above.

    Args:
        path: of the picture to write.
        titled: meshes in [-1, 1]³ by title.
    """
    from matplotlib.colors import LightSource
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    figure = Figure(figsize=(3.0 * len(titled), 3.1), layout="constrained")
    for i, (title, (vertices, triangles)) in enumerate(titled.items()):
        axes = figure.add_subplot(1, len(titled), i + 1, projection="3d")
        axes.add_collection3d(
            Poly3DCollection(
                vertices[triangles], facecolors=(0.55, 0.65, 0.85), shade=True, lightsource=LightSource(315, 50)
            )
        )
        axes.set(xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), zlim=(-0.8, 0.8))
        axes.set_box_aspect((1, 1, 1), zoom=1.25)
        axes.view_init(elev=35, azim=-60)
        axes.set_axis_off()
        axes.set_title(title, fontsize=9)
    figure.savefig(path, dpi=90)
