"""The mask that hides handwriting-like text and a thick brush stroke."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate
from inrr_jax.errors import UserError


def text(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "H W"]:
    """Return a mask in which three lines of text and a thick stroke are missing; the same for every key.

    The pixels are ranked by their signed distance to the ink, which is negative inside it, and the fraction `rate` with
    the smallest distances is missing, exact up to one pixel. A higher rate therefore thickens letters and stroke, and
    the masks of different rates are nested. At rate 1/8 on a large square grid, the letters have about the stroke width
    of the font.

    Raises:
        UserError: if the grid is not two-dimensional, or if Pillow was built without FreeType.
    """
    del key
    if len(shape) != 2:
        raise UserError(
            f"mask mode 'text' on a grid of shape {shape}: it needs (height, width); use 'random' or 'patch'"
        )
    return jnp.asarray(_ink_rank(shape)) >= rate


# Text is rendered on a grid with about this many pixels on its longest side. Smaller masks average over blocks of that
# grid, because letters of a few pixels would otherwise lose their thin strokes.
_RENDER_LENGTH = 1024
# Sentence, centre (x, y) as fractions of width and height, and length as a fraction of the diagonal of the grid.
_LINES = (
    ("Can you still read this line?", (0.5, 0.5), 0.95),
    ("Fill in the gaps", (0.71, 0.26), 0.5),
    ("and look twice", (0.34, 0.68), 0.48),
)
# End points (x, y) as fractions of width and height, and radius as a fraction of sqrt(width * height).
_STROKE_ENDS = ((0.06, 0.72), (0.28, 0.90))
_STROKE_RADIUS = 0.04


# Rendering takes much longer than the comparison with the rate, and a sweep asks for the same shape many times.
@functools.lru_cache(maxsize=8)
def _ink_rank(shape: tuple[int, int]) -> Float[np.ndarray, "H W"]:
    """Return the rank of each pixel by its distance to the ink, as (r + 0.5) / (H W) for r = 0 (deepest), 1, ...

    No two pixels have the same rank, so a threshold on the rank gives an exact number of missing pixels.
    """
    zoom = max(1, _RENDER_LENGTH // max(shape))
    fine = (shape[0] * zoom, shape[1] * zoom)
    distance = np.minimum(_thin_evenly(_letters_distance(fine)), _thin_evenly(_stroke_distance(fine)))
    coarse = distance.reshape(shape[0], zoom, shape[1], zoom).mean((1, 3))
    order = np.argsort(coarse, axis=None, kind="stable")  # Stable: ties are broken alike on every platform.
    rank = np.empty(order.size, np.float32)
    rank[order] = (np.arange(order.size) + 0.5) / order.size
    return rank.reshape(shape)


def _thin_evenly(distance: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Scale the distances inside the ink to [-1, 0).

    Otherwise the pixels deepest inside the ink would all lie in the thick stroke, and at small rates only a part of the
    stroke would be missing and no letter.
    """
    return np.where(distance < 0, distance / -distance.min(), distance)


def _stroke_distance(shape: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """Return the signed distance, in pixels, to a thick line with round ends; negative inside."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    start, end = np.array(_STROKE_ENDS) * shape[::-1]
    span = end - start
    # Each pixel is projected onto the segment: 0 is its start and 1 its end.
    along = np.clip(((x - start[0]) * span[0] + (y - start[1]) * span[1]) / (span @ span), 0, 1)
    radius = _STROKE_RADIUS * np.sqrt(shape[0] * shape[1])
    return np.hypot(x - start[0] - along * span[0], y - start[1] - along * span[1]) - radius


def _letters_distance(shape: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """Return the signed distance, in pixels, to the letters of all lines; negative inside."""
    # Imported here because only this mode needs SciPy's image functions, and importing them takes time.
    from scipy.ndimage import distance_transform_edt

    ink = np.any([_line_ink(shape, *line) for line in _LINES], axis=0)
    return np.where(ink, -distance_transform_edt(ink), distance_transform_edt(~ink))


def _line_ink(
    shape: tuple[int, int], sentence: str, centre: tuple[float, float], length: float
) -> Bool[np.ndarray, "h w"]:
    """Return where one line of text lies: italic letters on a wavy baseline parallel to the diagonal of the grid.

    Every pixel of the grid is mapped to a position in a horizontal strip that contains the typeset sentence.

    Args:
        shape: (height, width) of the grid.
        sentence: the text.
        centre: (x, y) of the middle of the line, as fractions of width and height.
        length: length of the line as a fraction of the diagonal.

    Returns:
        True on ink.
    """
    from scipy.ndimage import map_coordinates

    strip = _typeset(sentence)
    height, width = shape
    diagonal = np.hypot(height, width)
    scale = strip.shape[1] / (length * diagonal)
    y, x = np.mgrid[:height, :width] + 0.5
    x, y = x - centre[0] * width, y - centre[1] * height
    # Coordinates parallel and perpendicular to the diagonal, in pixels of the strip.
    along = (x * width + y * height) / diagonal * scale
    across = (y * width - x * height) / diagonal * scale
    # A sine of 9 / 2 pi = 1.4 periods bends the baseline, and a shear of 0.3 slants the letters, so that few
    # strokes follow a row or column of the grid.
    across = across + 0.1 * strip.shape[0] * np.sin(along * 9 / strip.shape[1])
    along = along + 0.3 * across
    # Positions outside the strip have the value 0: no ink.
    return map_coordinates(strip, (across + strip.shape[0] / 2, along + strip.shape[1] / 2), order=1) > 0.5


def _typeset(sentence: str) -> Float[np.ndarray, "h w"]:
    """Return the sentence in one horizontal line, from 0 (background) to 1 (ink), with a margin of 10 pixels.

    Raises:
        UserError: if Pillow was built without FreeType, which scales its default font.
    """
    from PIL import Image, ImageDraw, ImageFont

    try:
        font = ImageFont.load_default(72)
    except ImportError:
        raise UserError(
            "mask mode 'text' needs Pillow with FreeType: install Pillow from its wheel, or use another mode"
        ) from None
    left, top, right, bottom = map(round, font.getbbox(sentence, stroke_width=2))  # The stroke makes the font bold.
    strip = Image.new("L", (right - left + 20, bottom - top + 20))
    ImageDraw.Draw(strip).text((10 - left, 10 - top), sentence, fill=255, font=font, stroke_width=2)
    return np.asarray(strip, np.float32) / 255


MODES = {"text": text}
