"""Saving a recovered picture with the bits per channel and the alpha channel of the damaged one."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from inrr_jax.errors import UserError

TIFF = (".tif", ".tiff")
"""Suffixes of TIFF files; others are PNG files."""


def save_like(path: Path, image: Float[Any, "H W C"], original: np.ndarray) -> None:
    """Write a picture with the bits per channel and the alpha channel of another.

    Args:
        path: the file, in the format of its suffix; an existing one is replaced.
        image: in [0, 1], with 1 or 3 channels.
        original: pixels as stored, [H, W] or [H, W, C] with C = 1 to 4, where the last of 2 or 4 channels is alpha:
            uint16 is written with 16 bits per channel, all other types with 8.

    Raises:
        UserError: see `check`.
    """
    check(path, original)
    kind = np.uint16 if original.dtype == np.uint16 else np.uint8
    pixels = np.round(np.clip(image, 0, 1) * np.float32(np.iinfo(kind).max)).astype(kind)
    if _has_alpha(original):
        pixels = np.concatenate([pixels, original[..., -1:].astype(kind)], axis=-1)
    pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    if path.suffix.lower() in TIFF:
        _write_tiff(path, pixels)
    elif kind is np.uint16 and pixels.ndim == 3:
        _write_png_with_opencv(path, pixels)
    else:
        from PIL import Image

        Image.fromarray(pixels).save(path, format="PNG")


def check(path: Path, original: np.ndarray) -> None:
    """Refuse a file that could not hold the pixels, before anything is computed.

    Raises:
        UserError: the suffix is neither that of a PNG nor of a TIFF file, or the file is a PNG of 16-bit colour, and
            OpenCV is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", *TIFF):
        raise UserError(f"{path}: give a name that ends in .png or .tif")
    colour = original.ndim == 3 and original.shape[-1] > 1
    if suffix == ".png" and colour and original.dtype == np.uint16 and not importlib.util.find_spec("cv2"):
        raise UserError(
            f"{path}: 16-bit colour as PNG needs OpenCV: give a .tif, or pip install opencv-python-headless"
        )


def _has_alpha(pixels: np.ndarray) -> bool:
    return pixels.ndim == 3 and pixels.shape[-1] in (2, 4)


def _write_tiff(path: Path, pixels: np.ndarray) -> None:
    import tifffile

    kind = "rgb" if pixels.ndim == 3 and pixels.shape[-1] > 2 else "minisblack"
    extra = ["unassalpha"] if _has_alpha(pixels) else None
    tifffile.imwrite(path, pixels, photometric=kind, extrasamples=extra, planarconfig="contig", compression="zlib")


def _write_png_with_opencv(path: Path, pixels: np.ndarray) -> None:
    import cv2

    # OpenCV's order is blue, green, red.
    _, data = cv2.imencode(".png", np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=-1))
    path.write_bytes(data.tobytes())
