"""Masks: which pixels of a grid are observed (True) and which are missing (False)."""

import functools
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray
from numpy.typing import ArrayLike

from inrr_jax.data import images
from inrr_jax.data.masks.patterns import Rate, blocks, border, diagonal, grid, stripes
from inrr_jax.data.masks.random import columns, density, patch, random, rows
from inrr_jax.data.masks.text import text
from inrr_jax.errors import UserError, unknown

MODES: dict[str, Callable[..., Bool[Array, "*grid"]]] = {
    mode.__name__: mode
    for mode in (random, patch, text, density, blocks, grid, rows, columns, stripes, diagonal, border)
}
"""Mask modes by name: pure functions of (key, shape, rate) for jit and vmap, of which the shape is static."""
OPTIONS = {"density": "profile", "blocks": "size", "grid": "size", "stripes": "size", "diagonal": "size"}
"""The one further argument, static too, that some of them take."""


def make(
    key: PRNGKeyArray, shape: tuple[int, ...], mode: str, rate: Rate, *, size: int = 4, profile: str = "linear"
) -> Bool[Array, "*grid"]:
    """Draw a mask.

    Args:
        key: the source of chance, for the modes that need it.
        shape: the grid's, without channels.
        mode: one of `MODES`, or several as `a+b`: what any of them misses is missing. The first of them is as it would
            be alone, the others have chances of their own.
        rate: the share of missing pixels, in (0, 1), of each; may be traced, then it is not checked.
        size: pixels, at least 1: side of the tiles of blocks, factor of grid, period of stripes and diagonal.
        profile: of density, one of `chance.PROFILES`.

    Returns:
        True where observed. It may be all or nothing; `validate` tells.

    Raises:
        UserError: for an unknown mode or profile, or a rate outside (0, 1).
    """
    if not isinstance(rate, jax.Array) and not 0 < rate < 1:
        raise UserError(f"mask.rate={rate} is out of range: give the share of missing pixels, above 0 and below 1")
    given = {"size": size, "profile": profile}
    parts = []
    for i, name in enumerate(mode.split("+")):
        if name not in MODES:
            raise UserError(unknown(f"mask mode {name}", name, MODES))
        options = {OPTIONS[name]: given[OPTIONS[name]]} if name in OPTIONS else {}
        parts.append(MODES[name](jax.random.fold_in(key, i) if i else key, shape, rate, **options))
    return functools.reduce(jnp.logical_and, parts)


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
