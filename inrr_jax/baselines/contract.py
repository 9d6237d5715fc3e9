"""The contract that all fills share, and the decorator that enforces it.

A fill recovers the missing pixels of a picture. It maps ``(image [H, W, C], mask [H, W]) -> float32 [H, W, C]``, where
the image is in [0, 1] and the mask is True at observed pixels. Observed values are returned unchanged; missing ones are
clipped to [0, 1]. The values that the image holds at missing pixels are never used, so they may be NaN.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from inrr_jax.errors import UserError
from inrr_jax.operators.masking import paste
from inrr_jax.types import Image, Mask


def keeping_observed(solve: Callable[..., Image]) -> Callable[..., Image]:
    """Turn a solver into a fill that fulfils the contract of this module.

    Args:
        solve: maps an image [H, W, C] of float64, zero at missing pixels, and a mask [H, W] with at least one observed
            and one missing pixel to a recovery [H, W, C]. Values outside [0, 1] and changed observed pixels are
            allowed. It may have options with defaults.

    Returns:
        The fill, with the same options. It raises `UserError` for a mask without an observed pixel.
    """

    @functools.wraps(solve)
    def fill(image: Image, mask: Mask, **options: Any) -> Image:
        image, mask = np.asarray(image), np.asarray(mask)
        if not mask.any():
            raise UserError(
                f"cannot fill under a mask of shape {mask.shape} without an observed pixel: mark at least one as True"
            )
        # With nothing missing, the solvers' systems of equations would be empty.
        if mask.all():
            return image.astype(np.float32)
        observed = mask[..., None]
        # Zeros hide the truth at missing pixels from the solver, and NaN would spread through its sums.
        filled = solve(np.where(observed, image, 0).astype(np.float64), mask, **options)
        return paste(np.clip(filled, 0, 1), image, mask).astype(np.float32)

    return fill
