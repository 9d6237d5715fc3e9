"""Pictures: bundled ones, files and arrays as float32 [H, W, C] in [0, 1], and their pixel coordinates."""

import importlib.resources
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from absl import logging
from jaxtyping import Float
from numpy.typing import ArrayLike

from inrr_jax.errors import UserError, unknown

# Those of scikit-image that lie in its wheel; its others would be downloaded.
_SKIMAGE = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "cat": "chelsea.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "moon": "moon.png",
    "rocket": "rocket.jpg",
}
BUNDLED = tuple(sorted(["baboon", *_SKIMAGE]))
"""Names that `load` knows without a file."""

_LUMA = np.array([0.299, 0.587, 0.114])
_FULL_SCALE = {"bool": 1, "uint8": 255, "uint16": 65535}


def load(
    name_or_path: str, *, size: int | tuple[int, ...] | None = None, grey: bool = False
) -> Float[np.ndarray, "H W C"]:
    """Load a bundled picture or a file.

    A bundled name wins over a file of the same name (`./cat` is the file). Files: whatever Pillow reads, of which
    the first frame is taken and colour profiles are ignored, and `.npy` arrays as `validate` accepts them.

    Args:
        name_or_path: one of `BUNDLED`, or a path.
        size: (height, width) in pixels, or one number for both; None keeps the picture's own. See `resize`.
        grey: whether to reduce RGB to its luma, see `to_grey`.

    Returns:
        Values in [0, 1]; C is 1 or 3.

    Raises:
        UserError: for an unknown name, a file that cannot be read as a picture, or a size that is not positive.
    """
    image = validate(read_pixels(_find(name_or_path)))
    if grey:
        image = to_grey(image)
    return image if size is None else resize(image, (size, size) if isinstance(size, int) else size)


def _find(name_or_path: str) -> Path:
    if name_or_path == "baboon":
        return Path(__file__).parent / "baboon.png"
    if name_or_path in _SKIMAGE:
        return Path(str(importlib.resources.files("skimage"))) / "data" / _SKIMAGE[name_or_path]
    if not os.path.exists(name_or_path):
        raise UserError(unknown(f"picture {name_or_path} is no file, and as a name", name_or_path, BUNDLED))
    return Path(name_or_path)


def read_pixels(path: str | Path) -> np.ndarray:
    """Read a file's pixels as they are stored: upright, without alpha, not yet scaled to [0, 1].

    Pillow keeps 16 bits only for grey pictures; of 16-bit colour it keeps the upper 8, and a notice says so.

    Args:
        path: a `.npy` array or any picture that Pillow reads.

    Returns:
        [H, W] or [H, W, 3] of bool, uint8, uint16 or float32 from a picture; from `.npy` any array.

    Raises:
        UserError: if the file is missing, a directory, not readable, no picture or truncated.
    """
    from PIL import Image

    try:
        with open(path, "rb") as file:
            is_array = Path(path).suffix.lower() == ".npy"
            return np.lib.format.read_array(file, allow_pickle=False) if is_array else _decode(file, path)
    except FileNotFoundError:
        raise UserError(f"no file {str(path)!r}: check the path") from None
    except IsADirectoryError:
        raise UserError(f"{str(path)!r} is a directory: give the path of one picture in it") from None
    except PermissionError:
        raise UserError(f"no permission to read {str(path)!r}: change its mode, or give another file") from None
    except Image.UnidentifiedImageError:
        raise UserError(f"{str(path)!r} is no picture: give a file that Pillow reads (png, jpg, tiff, ...)") from None
    except UserError:
        raise
    # Pillow's decoders raise all of these on damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"cannot read {str(path)!r} ({reason}): give a whole, undamaged file") from None


def _decode(file: BinaryIO, path: str | Path) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(file) as opened:
        if ";16" in str(opened.tile) and opened.mode in ("RGB", "RGBA"):
            logging.warning("%s: Pillow reduces 16-bit colour to 8 bits; a .npy array keeps all", path)
        if opened.mode == "I" and opened.format not in ("PNG", "PPM"):
            raise UserError(f"{str(path)!r} has 32-bit integer pixels: their range is unknown; save it as 16-bit grey")
        if opened.has_transparency_data:
            _warn_alpha(str(path))
        image = ImageOps.exif_transpose(opened)
        pixels = np.asarray(image.convert(_plain_mode(image.mode)))
    # Older versions of Pillow widen 16-bit grey to 32-bit integers.
    return pixels.astype(np.uint16) if pixels.dtype == np.int32 else pixels


def _plain_mode(mode: str) -> str:
    """Return the mode without palette, alpha or other colour spaces."""
    if mode in ("1", "L", "F", "I") or mode.startswith("I;16"):
        return mode
    return "L" if mode in ("LA", "La") else "RGB"


def _warn_alpha(what: str) -> None:
    logging.warning("%s: the alpha channel is dropped, as if every pixel were opaque", what)


def validate(array: ArrayLike) -> Float[np.ndarray, "H W C"]:
    """Check pixels and scale them to [0, 1].

    Args:
        array: [H, W] or [H, W, C] with C in 1, 3, 4 (a fourth channel, alpha, is dropped with a notice); bool,
            uint8 (divided by 255), uint16 (divided by 65535) or float in [0, 1].

    Returns:
        float32 [H, W, C] in [0, 1] with C in 1, 3.

    Raises:
        UserError: for other shapes or types, an empty picture, NaN, or values outside [0, 1].
    """
    pixels = np.asarray(array)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3, 4):
        raise UserError(
            f"a picture of shape {np.shape(array)}: give [H, W] or [H, W, C] with C in 1, 3, 4, channels last"
        )
    if pixels.size == 0:
        raise UserError(f"an empty picture of shape {np.shape(array)}: give at least one pixel")
    if pixels.shape[-1] == 4:
        _warn_alpha("picture")
        pixels = pixels[..., :3]
    return _to_unit(pixels)


def _to_unit(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype.name in _FULL_SCALE:
        return pixels.astype(np.float32) / _FULL_SCALE[pixels.dtype.name]
    if pixels.dtype.kind != "f":
        raise UserError(f"pixels of type {pixels.dtype}: give bool, uint8, uint16, or float in [0, 1] (use astype)")
    pixels = pixels.astype(np.float32)
    if np.isnan(pixels).any():
        raise UserError("NaN among the pixels: replace them, and mark them as missing in the mask")
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 1:
        raise UserError(
            f"pixels from {low:g} to {high:g}: floats must lie in [0, 1]; rescale by x / 255 for 8-bit values, or"
            " by (x - x.min()) / (x.max() - x.min())"
        )
    return pixels


def to_grey(image: Float[np.ndarray, "H W C"]) -> Float[np.ndarray, "H W 1"]:
    """Luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B; a grey picture is returned as it is."""
    if image.shape[-1] == 1:
        return image
    return (image @ _LUMA)[..., None].astype(np.float32)


def resize(image: Float[np.ndarray, "H W C"], size: tuple[int, ...]) -> Float[np.ndarray, "H2 W2 C"]:
    """Resample in float by Pillow's Hamming filter, antialiased when shrinking.

    It is the sharpest of Pillow's filters whose weights are not negative: Lanczos rings and leaves [0, 1], and box
    averages an uneven number of pixels unless the ratio is whole.

    Args:
        image: values in [0, 1].
        size: (height, width) in pixels.

    Returns:
        Values in [0, 1].

    Raises:
        UserError: if size is not two positive integers.
    """
    from PIL import Image

    if len(size) != 2 or not all(n > 0 for n in size):
        raise UserError(f"size {size}: give one positive integer, or (height, width), in pixels")
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(image, -1, 0)]
    resized = [np.asarray(plane.resize(size[::-1], Image.Resampling.HAMMING)) for plane in planes]
    return np.stack(resized, -1)


def save(path: str | Path, image: Float[Any, "H W C"]) -> None:
    """Write an 8-bit PNG, grey or RGB.

    Args:
        path: where to; an existing file is replaced.
        image: C is 1 or 3; clipped to [0, 1], NaN becomes 0 so that a diverged fit can be looked at.
    """
    from PIL import Image

    pixels = np.round(np.nan_to_num(np.asarray(image)).clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path, format="PNG")
