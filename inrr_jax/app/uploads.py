"""What people send to the page: pictures and painted masks, with limits on their sizes."""

import io
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.data import images, pixels
from inrr_jax.errors import UserError
from inrr_jax.types import Image

DECODED = 50
"""Megapixels of a file, above which it is not even decoded to be made smaller: 50 take 600 MB as float32 in colour."""


@dataclass(frozen=True)
class Limits:
    """The largest uploads that are accepted."""

    megabytes: float = 30.0
    """Of a file."""
    megapixels: float = 12.0
    """Of the picture that is recovered, after it has been made smaller."""


def check_length(length: int, limits: Limits) -> None:
    """Refuse a file before it is read.

    Args:
        length: bytes.
        limits: of this page.

    Raises:
        UserError: the file is empty or too large.
    """
    if length <= 0:
        raise UserError("the file is empty: choose a picture")
    if length > 1e6 * limits.megabytes:
        raise UserError(f"the file has {length / 1e6:.1f} MB: choose one of at most {limits.megabytes:g} MB")


def read_picture(content: bytes, name: str, longest: int, limits: Limits) -> Image:
    """Return an uploaded picture as float32 in [0, 1].

    Args:
        content: of the file.
        name: of the file, for messages.
        longest: pixels that its longest side is reduced to, 0 for as it is. Small pictures are never enlarged.
        limits: of this page.

    Raises:
        UserError: the file is no picture, is damaged, or too large.
    """
    check_length(len(content), limits)
    _check_size(content, name)
    image = images.validate(pixels.decode(io.BytesIO(content), name))
    return fit_in(image, longest, limits)


def fit_in(image: Image, longest: int, limits: Limits) -> Float[np.ndarray, "h w C"]:
    """Return a picture whose longest side has at most `longest` pixels; 0 keeps its size.

    Raises:
        UserError: it still has too many pixels.
    """
    height, width = image.shape[:2]
    if 0 < longest < max(height, width):
        share = longest / max(height, width)
        image = images.resize(image, (max(1, round(height * share)), max(1, round(width * share))))
    count = image.shape[0] * image.shape[1] / 1e6
    if count > limits.megapixels:
        raise UserError(
            f"the picture has {count:.1f} megapixels: choose a smaller size, of at most {limits.megapixels:g}"
        )
    return image


def read_mask(content: bytes, shape: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """Return the mask of a painted picture, True where observed: pixels of which half is painted are missing.

    Args:
        content: of a PNG file whose alpha channel is the paint.
        shape: height and width of the picture.

    Raises:
        UserError: the file is no such picture, or nothing or everything is painted.
    """
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(content)) as opened:
            if opened.size != shape[::-1] or opened.mode != "RGBA":
                raise UserError(
                    f"the paint is {opened.mode} of {opened.width} x {opened.height} pixels: send RGBA of"
                    f" {shape[1]} x {shape[0]}"
                )
            painted = np.asarray(opened)[..., 3] > 127
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise error if isinstance(error, UserError) else UserError("the paint is no picture: send a PNG") from None
    if not painted.any():
        raise UserError("nothing is painted: paint over the damage first")
    if painted.all():
        raise UserError("everything is painted: nothing is left to recover the picture from")
    return ~painted


def png(values: np.ndarray) -> bytes:
    """Return an image [H, W, C] in [0, 1], or a mask [H, W], as an 8-bit PNG; True is white."""
    file = io.BytesIO()
    images.save(file, values if values.ndim == 3 else values[..., None].astype(np.float32))
    return file.getvalue()


def paint(observed: Bool[np.ndarray, "H W"]) -> bytes:
    """Return a mask as paint, the inverse of `read_mask`: a PNG that is opaque red where pixels are missing."""
    from PIL import Image as Pillow

    colour = np.array([216, 64, 64, 255], np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(np.where(observed[..., None], 0, colour[None, None, :]).astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()


def _check_size(content: bytes, name: str) -> None:
    """Refuse a picture of too many pixels, by the head of its file."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(content)) as opened:
            count = opened.width * opened.height / 1e6
    except Exception:  # whatever Pillow raises: `decode` says what is wrong with the file
        return
    if count > DECODED:
        raise UserError(f"{name!r} has {count:.0f} megapixels: make it smaller than {DECODED} before you choose it")
