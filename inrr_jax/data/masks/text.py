"""Writing as a mask."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from inrr_jax.data.masks.patterns import Rate
from inrr_jax.errors import UserError


def text(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "H W"]:
    """Three lines of writing and a thick stroke are missing; the same for every key.

    The `rate` share of the pixels that lie nearest to the ink's core is missing, exact up to one pixel: a higher
    rate thickens the pen. At 0.125 a square grid has the writing's natural width.

    Raises:
        UserError: if the grid is not two-dimensional, or Pillow lacks FreeType.
    """
    del key
    if len(shape) != 2:
        raise UserError(
            f"mask mode 'text' on a grid of shape {shape}: it needs (height, width); use 'random' or 'patch'"
        )
    return jnp.asarray(_ink_rank(shape)) >= rate


# Rendering happens on a grid about this long, whatever the mask's size, and is averaged down.
_RENDER_LENGTH = 1024
# Sentence, centre (x, y) in shares of the width and height, and length in shares of the diagonal.
_LINES = (
    ("Can you still read this line?", (0.5, 0.5), 0.95),
    ("Fill in the gaps", (0.71, 0.26), 0.5),
    ("and look twice", (0.34, 0.68), 0.48),
)
_STROKE_ENDS = ((0.06, 0.72), (0.28, 0.90))
_STROKE_RADIUS = 0.04


@functools.lru_cache(maxsize=8)
def _ink_rank(shape: tuple[int, int]) -> Float[np.ndarray, "H W"]:
    """Rank of each pixel by its distance to the ink, from 0 (the core) to below 1, all different."""
    zoom = max(1, _RENDER_LENGTH // max(shape))
    fine = (shape[0] * zoom, shape[1] * zoom)
    distance = np.minimum(_thin_evenly(_letters_distance(fine)), _thin_evenly(_stroke_distance(fine)))
    coarse = distance.reshape(shape[0], zoom, shape[1], zoom).mean((1, 3))
    order = np.argsort(coarse, axis=None, kind="stable")
    rank = np.empty(order.size, np.float32)
    rank[order] = (np.arange(order.size) + 0.5) / order.size
    return rank.reshape(shape)


def _thin_evenly(distance: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Divide negative distances by the deepest: at small rates letters and stroke thin alike."""
    return np.where(distance < 0, distance / -distance.min(), distance)


def _stroke_distance(shape: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """Signed distance, in pixels, to a thick line with round ends."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    start, end = np.array(_STROKE_ENDS) * shape[::-1]
    span = end - start
    along = np.clip(((x - start[0]) * span[0] + (y - start[1]) * span[1]) / (span @ span), 0, 1)
    radius = _STROKE_RADIUS * np.sqrt(shape[0] * shape[1])
    return np.hypot(x - start[0] - along * span[0], y - start[1] - along * span[1]) - radius


def _letters_distance(shape: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """Signed distance, in pixels, to the letters of all lines."""
    from scipy.ndimage import distance_transform_edt

    ink = np.any([_line_ink(shape, *line) for line in _LINES], axis=0)
    return np.where(ink, -distance_transform_edt(ink), distance_transform_edt(~ink))


def _line_ink(
    shape: tuple[int, int], sentence: str, centre: tuple[float, float], length: float
) -> Bool[np.ndarray, "h w"]:
    """Slanted letters on a wavy line parallel to the grid's diagonal."""
    from scipy.ndimage import map_coordinates

    strip = _typeset(sentence)
    height, width = shape
    diagonal = np.hypot(height, width)
    scale = strip.shape[1] / (length * diagonal)
    y, x = np.mgrid[:height, :width] + 0.5
    x, y = x - centre[0] * width, y - centre[1] * height
    along = (x * width + y * height) / diagonal * scale
    across = (y * width - x * height) / diagonal * scale
    across = across + 0.1 * strip.shape[0] * np.sin(along * 9 / strip.shape[1])
    along = along + 0.3 * across
    return map_coordinates(strip, (across + strip.shape[0] / 2, along + strip.shape[1] / 2), order=1) > 0.5


def _typeset(sentence: str) -> Float[np.ndarray, "h w"]:
    from PIL import Image, ImageDraw, ImageFont

    try:
        font = ImageFont.load_default(72)
    except ImportError:
        raise UserError(
            "mask mode 'text' needs a Pillow with FreeType: install its wheel, or use another mode"
        ) from None
    left, top, right, bottom = map(round, font.getbbox(sentence, stroke_width=2))
    strip = Image.new("L", (right - left + 20, bottom - top + 20))
    ImageDraw.Draw(strip).text((10 - left, 10 - top), sentence, fill=255, font=font, stroke_width=2)
    return np.asarray(strip, np.float32) / 255
