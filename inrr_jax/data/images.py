"""Pictures as float32 [H, W, C] in [0, 1]: loading bundled ones and files, resizing, converting to grey, saving."""

import importlib.resources
import math
import os
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from inrr_jax.data.arrays import check_memory
from inrr_jax.data.pixels import read_pixels, to_unit, validate, with_channels
from inrr_jax.errors import UserError, unknown

__all__ = [
    "BUNDLED",
    "load",
    "read_original",
    "read_pixels",
    "resize",
    "save",
    "to_grey",
    "to_unit",
    "validate",
    "with_channels",
]

# Only the pictures that are part of the scikit-image wheel. The library downloads its other ones on first use.
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
"""Names of the pictures that `load` finds without a file of the user's."""

_LUMA = np.array([0.299, 0.587, 0.114])


def load(
    name_or_path: str, *, size: int | tuple[int, ...] | None = None, grey: bool = False
) -> Float[np.ndarray, "H W C"]:
    """Load a bundled picture or a file.

    A bundled name takes precedence over a file of the same name; `./cat` is the file. A file is a `.npy` array that
    `validate` accepts, or a picture in any format that Pillow reads. Of an animation, the first frame is loaded.
    Colour profiles are ignored.

    Args:
        name_or_path: one of `BUNDLED`, or a path.
        size: (height, width) in pixels to resize to, or one number for both; None keeps the size. See `resize`.
        grey: whether to convert colour to one channel of luma, see `to_grey`.

    Returns:
        float32 values in [0, 1]; C is 1 or 3.

    Raises:
        UserError: for an unknown name, a file that cannot be read as a picture, or a size that is not positive.
    """
    image = validate(read_pixels(_find(name_or_path)))
    if grey:
        image = to_grey(image)
    return image if size is None else resize(image, (size, size) if isinstance(size, int) else size)


def to_grey(image: Float[np.ndarray, "H W C"]) -> Float[np.ndarray, "H W 1"]:
    """Return the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) of a picture; a grey picture is returned as it is."""
    if image.shape[-1] == 1:
        return image
    return (image @ _LUMA)[..., None].astype(np.float32)


def resize(image: Float[np.ndarray, "H W C"], size: tuple[int, ...]) -> Float[np.ndarray, "H2 W2 C"]:
    """Resample a picture with Pillow's Hamming filter, antialiased when it shrinks.

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
    # The picture, and the planes that are resized, in float32.
    shape = (*size, image.shape[-1])
    check_memory(8 * math.prod(shape), f"a picture of {' x '.join(map(str, shape))} values", "give a smaller size")
    # Channel by channel, because Pillow has no mode for floating-point colour.
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(image, -1, 0)]
    # Hamming is the sharpest of Pillow's filters with non-negative weights. Lanczos and bicubic overshoot [0, 1] at
    # edges, and box averages varying numbers of pixels unless the ratio of the sizes is an integer.
    resized = [np.asarray(plane.resize(size[::-1], Image.Resampling.HAMMING)) for plane in planes]
    return np.stack(resized, -1)


def save(path: str | Path | BufferedIOBase, image: Float[Any, "H W C"]) -> None:
    """Write a picture as an 8-bit PNG, grey or RGB.

    Args:
        path: the file, which is replaced if it exists; or an open file.
        image: C is 1 or 3. Values are clipped to [0, 1], and NaN becomes 0 so that the result of a diverged fit can be
            inspected.
    """
    from PIL import Image

    pixels = np.round(np.nan_to_num(np.asarray(image)).clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path, format="PNG")  # type: ignore[arg-type]


def read_original(name_or_path: str) -> np.ndarray:
    """Return the pixels of a bundled picture or a file as they are stored, with their alpha channel.

    Raises:
        UserError: as `load` does.
    """
    return read_pixels(_find(name_or_path), alpha=True)


def _find(name_or_path: str) -> Path:
    """Return the path of a bundled picture or of a file.

    Raises:
        UserError: if there is neither.
    """
    if name_or_path == "baboon":
        return Path(__file__).parent / "baboon.png"
    if name_or_path in _SKIMAGE:
        return Path(str(importlib.resources.files("skimage"))) / "data" / _SKIMAGE[name_or_path]
    if not os.path.exists(name_or_path):
        raise UserError(unknown(f"picture {name_or_path} is no file, and as a bundled name it", name_or_path, BUNDLED))
    return Path(name_or_path)
