"""Pixels: reading them from files as they are stored, and converting them to float32 [H, W, C] in [0, 1]."""

import importlib.util
import struct
import tokenize
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from absl import logging
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike

from inrr_jax.data.readers.files import check_file
from inrr_jax.errors import UserError

_FULL_SCALE = {"bool": 1, "uint8": 255, "uint16": 65535}
"""The value of white, by type."""


def read_pixels(path: str | Path, *, alpha: bool = False) -> np.ndarray:
    """Return the pixels of a file as they are stored: not scaled to [0, 1], but upright.

    Pillow keeps 16 bits per channel only for grey pictures. 16-bit colour is read with tifffile from TIFF files, and
    with OpenCV, if it is installed, from PNG files; otherwise it is reduced to 8 bits, which is logged as a warning.

    Args:
        path: a `.npy` array, or a picture in any format that Pillow reads.
        alpha: whether to keep an alpha channel; otherwise it is dropped with a warning.

    Returns:
        For a picture, [H, W] or [H, W, 3] of bool, uint8, uint16 or float32, or with alpha [H, W, 2] or [H, W, 4] of
        uint8 or uint16; for `.npy`, the array without any check.

    Raises:
        UserError: if the file is missing, a directory, a pipe, unreadable, damaged or not a picture.
    """
    check_file(path)
    try:
        with open(path, "rb") as file:
            return _array(file, path) if Path(path).suffix.lower() == ".npy" else decode(file, path, alpha=alpha)
    except PermissionError:
        raise UserError(f"no permission to read {str(path)!r}: change its mode, or give another file") from None


def decode(file: BufferedIOBase, name: str | Path, *, alpha: bool = False) -> np.ndarray:
    """Return the pixels of a picture in an open file, as `read_pixels` does.

    Args:
        file: the bytes of a picture in any format that Pillow reads.
        name: how messages refer to it.
        alpha: whether to keep an alpha channel.

    Raises:
        UserError: if it is damaged or no picture.
    """
    from PIL import Image

    try:
        return _pixels(file, name, alpha)
    except Image.UnidentifiedImageError:
        raise UserError(f"{str(name)!r} is no picture: give a file that Pillow reads (png, jpg, tiff, ...)") from None
    except UserError:
        raise  # A UserError is a ValueError, which the next clause would report as a damaged file.
    # Depending on the format, Pillow's decoders raise any of these for a damaged file.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise _damaged(name, error) from None


def with_channels(array: ArrayLike) -> Shaped[np.ndarray, "H W C"]:
    """Return a picture with its axis of channels, of length 1 if it had none.

    Args:
        array: [H, W] or [H, W, C] with C = 1, 3 or 4, of any type.

    Raises:
        UserError: for any other shape, or an empty picture.
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
    return pixels


def validate(array: ArrayLike) -> Float[np.ndarray, "H W C"]:
    """Check pixels and scale them to [0, 1].

    Args:
        array: [H, W] or [H, W, C] with C = 1, 3 or 4; bool, uint8 (divided by 255), uint16 (divided by 65535) or
            float in [0, 1]. A fourth channel is taken as alpha and dropped with a warning.

    Returns:
        float32 [H, W, C] in [0, 1], with C = 1 or 3.

    Raises:
        UserError: for any other shape or type, an empty picture, NaN, or values outside [0, 1].
    """
    pixels = with_channels(array)
    if pixels.shape[-1] == 4:
        _warn_alpha("picture")
        pixels = pixels[..., :3]
    return to_unit(pixels)


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of any accepted type as float32 in [0, 1].

    Raises:
        UserError: for any other type, NaN, or values outside [0, 1].
    """
    # The name of the type, because "uint16" stands for both byte orders.
    if pixels.dtype.name in _FULL_SCALE:
        return pixels.astype(np.float32) / _FULL_SCALE[pixels.dtype.name]
    # Wider integers have no known full scale: most often they are 8-bit values that some operation has widened.
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


def _array(file: BufferedIOBase, path: str | Path) -> np.ndarray:
    try:
        # Pickled arrays are refused: unpickling a file can run any code.
        return np.lib.format.read_array(file, allow_pickle=False)
    # A damaged header may be no Python literal, or declare an array that no memory holds.
    except (OSError, ValueError, EOFError, tokenize.TokenError, MemoryError, OverflowError) as error:
        raise _damaged(path, error) from None


def _damaged(name: str | Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"cannot read {str(name)!r} ({reason}): give a whole, undamaged file")


def _pixels(file: BufferedIOBase, path: str | Path, alpha: bool) -> np.ndarray:
    """Return the pixels of an open picture; `path` only names it in messages.

    Raises:
        UserError: if the pixels are 32-bit integers, whose range is unknown.
    """
    from PIL import Image, ImageOps

    with Image.open(file) as opened:  # type: ignore[arg-type]
        # The mode of the opened picture is already that of 8 bits; only the decoder's arguments still say 16.
        deep = ";16" in str(opened.tile) and opened.mode in ("RGB", "RGBA")
        if deep and (pixels := _sixteen_bits(file, opened.format)) is not None:
            return _without_alpha(pixels, path, alpha)
        if deep:
            logging.warning(
                "%s: 16-bit colour is reduced to 8 bits; a .tif or .npy file keeps all, and so does a .png"
                " with OpenCV: pip install opencv-python-headless",
                path,
            )
        # Pillow opens 16-bit grey PPM files in this mode too, and older versions also PNG; the range of these is known.
        if opened.mode == "I" and opened.format not in ("PNG", "PPM"):
            raise UserError(f"{str(path)!r} has 32-bit integer pixels: their range is unknown; save it as 16-bit grey")
        transparent = opened.has_transparency_data
        image = ImageOps.exif_transpose(opened)
        pixels = np.asarray(image.convert(_target_mode(image.mode, transparent)))
    # The 32-bit integers that are not refused above are 16-bit grey.
    return _without_alpha(pixels.astype(np.uint16) if pixels.dtype == np.int32 else pixels, path, alpha)


def _sixteen_bits(file: BufferedIOBase, format: str | None) -> np.ndarray | None:
    """Return colours of 16 bits with channels last; None if no installed library reads them."""
    file.seek(0)
    if format == "TIFF":
        import tifffile

        try:
            pixels = tifffile.imread(file, key=0)  # type: ignore[call-overload]
        except ValueError:  # a compression that needs a further package
            return None
        return pixels if pixels.dtype == np.uint16 and pixels.ndim == 3 and pixels.shape[-1] in (3, 4) else None
    if format == "PNG" and importlib.util.find_spec("cv2"):
        import cv2

        pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.dtype == np.uint16 and pixels.ndim == 3:
            return np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=-1)  # OpenCV's order is blue, green, red
    return None


def _without_alpha(pixels: np.ndarray, path: str | Path, alpha: bool) -> np.ndarray:
    """Drop an alpha channel with a warning, unless it is wanted."""
    if alpha or pixels.ndim == 2 or pixels.shape[-1] == 3:
        return pixels
    _warn_alpha(str(path))
    return pixels[..., 0] if pixels.shape[-1] == 2 else pixels[..., :3]


def _target_mode(mode: str, transparent: bool) -> str:
    """Return the Pillow mode to convert to: the same number of bits, grey or RGB, without palette."""
    if mode in ("1", "L", "F", "I") or mode.startswith("I;16"):
        return "LA" if transparent and mode == "L" else mode
    if mode in ("LA", "La"):
        return "LA"
    return "RGBA" if transparent else "RGB"


def _warn_alpha(name: str) -> None:
    logging.warning("%s: the alpha channel is dropped, as if every pixel were opaque", name)
