"""Units: an affine map between the values of a signal as they were measured and the range [0, 1] of a fit."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Real

from inrr_jax.errors import UserError

_BLOCK = 1 << 20
"""Rows that are converted at once: float64 copies stay small compared with the signal."""


class Units(NamedTuple):
    """x = offset + scale u, with u in [0, 1] for observed values; all arithmetic is in float64.

    A fit sees u alone, so that neither the size nor the offset of the values matters to it: in float32, 1e6 + x would
    keep only the first digit or two of an x of order 1.
    """

    offset: Float64[np.ndarray, "C"]
    """Smallest observed value, per channel."""
    scale: Float64[np.ndarray, "C"]
    """Largest minus smallest observed value, per channel; positive. Errors of u times this are errors of x."""

    def to_unit(self, values: Real[np.ndarray, "*grid C"]) -> Float32[np.ndarray, "*grid C"]:
        """Return u = (x - offset) / scale; NaN stays NaN."""
        return _blockwise(lambda x: (x - self.offset) / self.scale, values, np.dtype(np.float32))

    def to_own(self, unit: Float[Any, "*grid C"], dtype: Any = np.float64) -> Real[np.ndarray, "*grid C"]:
        """Return x = offset + scale u in a type of the caller's.

        Integers are rounded to the nearest, and values beyond the range of their type become its ends.

        Raises:
            UserError: integers are asked for and NaN is among the values.
        """
        array, dtype = np.asarray(unit), np.dtype(dtype)
        if dtype.kind not in "iu":
            return _blockwise(lambda u: self.offset + self.scale * u, array, dtype)
        if np.isnan(array).any():
            raise UserError(f"NaN among values to convert to {dtype}: fill them first, or ask for a float type")
        info = np.iinfo(dtype)
        # The largest 64-bit integers are no floats: the next float is out of range, so the one before it is the end.
        high = min(float(info.max), np.nextafter(float(info.max) + 1, 0))
        return _blockwise(lambda u: np.rint(self.offset + self.scale * u).clip(info.min, high), array, dtype)


def units_of(
    values: Real[np.ndarray, "*grid C"], observed: Bool[np.ndarray, "*grid"], *, per_channel: bool = False
) -> Units:
    """Return the units in which the observed values span [0, 1].

    Missing values are not looked at. Constant values x become 1/2, with the scale |x|, or 1 if x is 0.

    Args:
        values: in units of the caller's; missing ones may be anything, NaN included.
        observed: True where observed.
        per_channel: whether every channel has a map of its own, because the channels are different quantities. One map
            for all keeps the proportions of channels such as red, green and blue.

    Raises:
        UserError: nothing is observed, an observed value is NaN or infinite, or the range overflows float64.
    """
    if not observed.any():
        raise UserError("nothing is observed: the mask must be True somewhere (True marks observed entries)")
    channels = values.shape[-1]
    seen = values[observed]
    low, high = (np.asarray(end(seen, axis=0), np.float64) for end in (np.min, np.max))
    if not (np.isfinite(low) & np.isfinite(high)).all():
        raise UserError("NaN or infinite values among the observed ones: mark them as missing in the mask")
    if not per_channel:
        low, high = (np.full(channels, end) for end in (low.min(), high.max()))
    # Half of each, because the difference of the largest floats overflows.
    if not (high / 2 - low / 2 < np.finfo(np.float64).max / 2).all():
        raise UserError(
            f"values from {low.min():g} to {high.max():g}: their range overflows, divide them by a constant"
        )
    constant = low == high
    scale = np.where(constant, np.where(low == 0, 1.0, np.abs(low)), high - low)
    return Units(np.where(constant, low - scale / 2, low), scale)


def _blockwise(function: Any, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a function of the values in float64, computed in blocks and stored in another type."""
    rows = values.reshape(-1, values.shape[-1])
    result = np.empty(rows.shape, dtype)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        result[block] = function(rows[block].astype(np.float64))
    return result.reshape(values.shape)
