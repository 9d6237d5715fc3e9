"""Masks: which pixels of a grid are observed (True) and which are missing (False)."""

import functools
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from numpy.typing import ArrayLike

from inrr_jax import images
from inrr_jax.errors import UserError, unknown

Rate = float | Float[Array, ""]
"""The share of missing pixels, in (0, 1)."""


def random(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Every pixel is missing with probability `rate`, independently."""
    return jax.random.uniform(key, shape) >= rate


def density(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """Independent pixels that are missing the more often the further right they lie.

    With x in (0, 1) the pixel centre's place along the last axis, the probability to be missing is
    rate + min(rate, 1 - rate) (2 x - 1): in [0, 1] for every rate, `rate` on average.
    """
    x = (jnp.arange(shape[-1]) + 0.5).reshape([1] * (len(shape) - 1) + [-1]) / shape[-1]
    return jax.random.uniform(key, shape) >= rate + jnp.minimum(rate, 1 - rate) * (2 * x - 1)


def patch(key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate) -> Bool[Array, "*grid"]:
    """One box is missing, with the grid's proportions, at a uniform position inside the grid.

    Each side is rounded given those before it, so that the box holds `rate` of the pixels up to half a layer.
    """
    missing = jnp.array(True)
    share = rate
    for axis, n in enumerate(shape):
        key, subkey = jax.random.split(key)
        side = jnp.clip(jnp.round(n * share ** (1 / (len(shape) - axis))), 1, n).astype(int)
        share = share * n / side
        offset = jnp.arange(n) - jax.random.randint(subkey, (), 0, n - side + 1)
        along = ((offset >= 0) & (offset < side)).reshape([1] * axis + [-1])
        missing = missing[..., None] & along
    return ~missing


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


MODES: dict[str, Callable[[PRNGKeyArray, tuple[int, ...], Rate], Bool[Array, "*grid"]]] = {
    "random": random,
    "patch": patch,
    "text": text,
    "density": density,
}
"""Mask modes by name. Each is a pure function of key and rate for jit and vmap; the shape is static."""


def make(key: PRNGKeyArray, shape: tuple[int, ...], mode: str, rate: Rate) -> Bool[Array, "*grid"]:
    """Draw a mask.

    Args:
        key: the source of chance; "text" ignores it.
        shape: the grid's, without channels.
        mode: one of `MODES`.
        rate: the share of missing pixels, in (0, 1); may be traced, then it is not checked.

    Returns:
        True where observed. On tiny grids it may be all or nothing; `validate` tells.

    Raises:
        UserError: for an unknown mode or a rate outside (0, 1).
    """
    if mode not in MODES:
        raise UserError(unknown(f"mask mode {mode}", mode, MODES))
    if not isinstance(rate, jax.Array) and not 0 < rate < 1:
        raise UserError(f"mask.rate={rate} is out of range: give the share of missing pixels, above 0 and below 1")
    return MODES[mode](key, shape, rate)


def load(
    path: str | Path, shape: tuple[int, int], *, threshold: float = 0.5, observed: str = "bright"
) -> Bool[np.ndarray, "H W"]:
    """Read a mask from a picture or a `.npy` array.

    Colours count by their luma. A pixel is observed only if its brightness in [0, 1] (for "dark": 1 - brightness)
    is above the threshold; a higher one leaves more of a drawing's soft edges missing. Integers that are all 0 or 1
    are taken as such, not as the two darkest of 256 levels.

    Args:
        path: the file.
        shape: (height, width) of the picture that it belongs to.
        threshold: brightness in [0, 1).
        observed: "bright" or "dark", which pixels are the observed ones.

    Returns:
        True where observed.

    Raises:
        UserError: if the file cannot be read, has another shape, or nothing is observed or missing.
    """
    if observed not in ("bright", "dark"):
        raise UserError(f"observed {observed!r}: give 'bright' or 'dark', the mask file's observed pixels")
    pixels = images.read_pixels(path)
    if pixels.dtype.kind in "iu" and np.isin(pixels, (0, 1)).all():
        pixels = pixels.astype(bool)
    try:
        grey = images.to_grey(images.validate(pixels))[..., 0]
        return validate((grey if observed == "bright" else 1 - grey) > threshold, shape)
    except UserError as error:
        raise UserError(f"mask {str(path)!r}: {error}") from None


def validate(mask: ArrayLike, shape: tuple[int, ...]) -> Bool[np.ndarray, "*grid"]:
    """Check a mask against the grid that it belongs to.

    Args:
        mask: array-like of bool, True where observed.
        shape: the grid's, without channels.

    Returns:
        The mask as a NumPy array.

    Raises:
        UserError: for another type or shape, or if nothing is observed or nothing is missing.
    """
    array = np.asarray(mask)
    if array.dtype != bool:
        raise UserError(f"a mask of type {array.dtype}: give bool, True where observed, such as mask > 0.5")
    if array.shape != tuple(shape):
        raise UserError(f"a mask of shape {array.shape}: give the picture's, {tuple(shape)}, without channels")
    if array.all():
        raise UserError("nothing is missing: the mask must be False somewhere (True marks observed pixels)")
    if not array.any():
        raise UserError("nothing is observed: the mask must be True somewhere (True marks observed pixels)")
    return array
