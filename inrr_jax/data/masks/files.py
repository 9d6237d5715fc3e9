"""Masks from files and arrays, and the check that a mask fits its grid."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool
from numpy.typing import ArrayLike

from inrr_jax.data import images
from inrr_jax.data.pixels import to_unit
from inrr_jax.errors import UserError


def load(
    path: str | Path, shape: tuple[int, ...], *, threshold: float = 0.5, observed: str = "bright"
) -> Bool[np.ndarray, "*grid"]:
    """Read a mask from a `.npy` array or, for a grid of two axes, a picture.

    A pixel is observed if its brightness b in [0, 1] is above the threshold, or if 1 - b is when the observed pixels
    are dark. The brightness of a colour is its luma. Raising the threshold therefore turns the soft edges of a drawn
    mask into missing pixels, for bright as for dark observed pixels.

    Args:
        path: the file.
        shape: shape of the grid that the mask belongs to, without channels.
        threshold: a brightness in [0, 1).
        observed: "bright" or "dark", the brightness of the observed pixels.

    Returns:
        The mask, True where observed.

    Raises:
        UserError: if the file cannot be read, has another shape, or marks no pixel as observed or none as missing.
    """
    if observed not in ("bright", "dark"):
        raise UserError(f"observed={observed!r}: give 'bright' or 'dark', the brightness of the mask's observed pixels")
    pixels = images.read_pixels(path)
    # Integers that are all 0 or 1 are labels. As 8-bit brightness they would be the two darkest of 256 levels, and
    # nothing would be above the threshold.
    if pixels.dtype.kind in "iu" and np.isin(pixels, (0, 1)).all():
        pixels = pixels.astype(bool)
    try:
        brightness = images.to_grey(images.validate(pixels))[..., 0] if len(shape) == 2 else to_unit(pixels)
        found = (brightness if observed == "bright" else 1 - brightness) > threshold
        return validate(found, shape, ("bright", "dark") if observed == "bright" else ("dark", "bright"))
    except UserError as error:
        raise UserError(f"mask {str(path)!r}: {error}") from None


def validate(
    mask: ArrayLike, shape: tuple[int, ...], values: tuple[str, str] = ("True", "False")
) -> Bool[np.ndarray, "*grid"]:
    """Check the type, the shape and the contents of a mask, and return it as a NumPy array.

    Args:
        mask: array-like of bool, True where observed.
        shape: shape of the grid that the mask belongs to, without channels.
        values: the words for the values that mark observed and missing pixels, for error messages.

    Raises:
        UserError: if the type is not bool, the shape differs, nothing is observed or nothing is missing.
    """
    array = np.asarray(mask)
    # 0/1 integers are refused instead of converted: many programs write 1 for missing, and the meaning would be lost.
    if array.dtype != bool:
        raise UserError(f"a mask of type {array.dtype}: give bool, True where observed, such as mask > 0.5")
    if array.shape != tuple(shape):
        raise UserError(f"a mask of shape {array.shape}: give the signal's shape, {tuple(shape)}, without channels")
    if array.all():
        raise UserError(
            f"nothing is missing: the mask must be {values[1]} somewhere ({values[0]} marks observed pixels)"
        )
    if not array.any():
        raise UserError(
            f"nothing is observed: the mask must be {values[0]} somewhere ({values[0]} marks observed pixels)"
        )
    return array
