"""Animations: slices of a signal one after another, as a GIF."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from inrr_jax.plots.images import MISSING_COLOR

SIDE = 192
"""Pixels of the longer side of a frame, at least: small frames are enlarged by whole factors."""
GAP = 6
"""Pixels between frames."""
CAPTION = 16
"""Pixels for the captions."""


def animation(path: Path, panels: Mapping[str, Float[np.ndarray, "T H W"]], *, milliseconds: int = 100) -> None:
    """Write frames side by side as a GIF that repeats, in grey from the smallest to the largest value of the last one.

    Args:
        path: of the GIF to write.
        panels: as many frames of the same size for each caption; NaN is red.
        milliseconds: from one frame to the next.
    """
    from PIL import Image, ImageDraw

    last = [*panels.values()][-1]
    low, high = float(np.nanmin(last)), float(np.nanmax(last))
    frames = []
    for index in range(len(last)):
        parts = [_enlarged(_colours(frames_of[index], low, high)) for frames_of in panels.values()]
        height, width = parts[0].shape[:2]
        canvas = np.full((height + CAPTION, len(parts) * (width + GAP) - GAP, 3), 255, np.uint8)
        for i, part in enumerate(parts):
            canvas[CAPTION:, i * (width + GAP) : i * (width + GAP) + width] = part
        picture = Image.fromarray(canvas)
        for i, caption in enumerate(panels):
            ImageDraw.Draw(picture).text((i * (width + GAP) + 2, 2), caption, fill=(0, 0, 0))
        frames.append(picture.quantize(colors=128))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, optimize=True)


def _colours(values: Float[np.ndarray, "H W"], low: float, high: float) -> np.ndarray:
    grey = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    color = np.where(np.isnan(grey)[..., None], np.asarray(MISSING_COLOR), np.nan_to_num(grey)[..., None])
    return np.rint(255 * color).astype(np.uint8)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    factor = max(1, -(-SIDE // max(picture.shape[:2])))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)
