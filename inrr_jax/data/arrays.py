"""Arrays of any number of axes: what a file or a package holds, and reading a part of it with all checks."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from absl import logging
from jaxtyping import Real
from numpy.typing import ArrayLike

from inrr_jax.errors import UserError

_LUMA = np.array([0.299, 0.587, 0.114])
_BYTES_PER_ENTRY = 12
"""The signal, its measurements and a result, in float32."""
_ANNOUNCED = 10**9
"""Bytes above which a use of memory is announced."""


class Source(NamedTuple):
    """An array that has been found but not read: its shape and type are known, and any part of it can be read."""

    shape: tuple[int, ...]
    dtype: np.dtype
    part: Callable[[tuple[slice, ...]], np.ndarray]
    """Reads the entries of one slice per axis."""
    whole: bool = True
    """Whether the file has to be read as a whole before a part of it is taken."""
    channels: bool = False
    """Whether the last axis holds channels, such as red, green and blue."""
    spacing: tuple[float, ...] | None = None
    """Distance of neighbours along each axis of the grid; None if it is unknown."""
    length: str = ""
    """Unit of the spacing."""
    unit: str = ""
    """Unit of the values."""


class Signal(NamedTuple):
    """A signal on a grid, in units of its own."""

    values: Real[np.ndarray, "*grid C"]
    """NaN where they are missing."""
    spacing: tuple[float, ...] | None
    """As in `Source`, for the axes and the step of the part that was read."""
    length: str
    unit: str


def read(source: Source, *, crop: str = "", channels: bool | None = None, grey: bool = False) -> Signal:
    """Read a part of an array and check it.

    Args:
        source: what to read.
        crop: one range or index per axis of the grid, such as `0:64,:,10:20`, see `parse_crop`; empty: everything.
        channels: whether the last axis holds channels; None: what the source says.
        grey: whether to convert three channels to their luma 0.299 R + 0.587 G + 0.114 B, in the values' own unit.

    Returns:
        Values of the stored type, in native byte order, with a last axis of channels; of length 1 if there are none.

    Raises:
        UserError: the crop does not fit the grid, the memory does not suffice, or the values are no real numbers, all
            missing or infinite.
    """
    if channels is not None:
        source = source._replace(channels=channels, spacing=source.spacing if channels == source.channels else None)
    _check_type(source)
    grid = source.shape[:-1] if source.channels else source.shape
    index = parse_crop(crop, grid)
    ranges = tuple(i if isinstance(i, slice) else slice(i, i + 1, 1) for i in index)
    _check_memory(source, grid, ranges)
    values = source.part((*ranges, slice(None)) if source.channels else ranges)
    values = np.squeeze(values, tuple(axis for axis, i in enumerate(index) if isinstance(i, int)))
    values = values if source.channels else values[..., None]
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    _check_values(values)
    spacing = source.spacing
    if spacing is not None:
        spacing = tuple(d * i.step for d, i in zip(spacing, index, strict=True) if isinstance(i, slice))
    return Signal(luma(values) if grey else values, spacing, source.length, source.unit)


def parse_crop(crop: str, grid: tuple[int, ...]) -> tuple[slice | int, ...]:
    """Return a crop as one slice or index per axis of a grid.

    Ranges are those of Python: `start:stop:step`, where negative numbers count from the end and a stop beyond the end
    is the end, so that `:60` keeps at most 60 frames. An index such as `5` keeps one slice. Axes that are not mentioned
    are kept, and those of which one entry is left become an index, because a signal does not vary along them.

    Raises:
        UserError: a part is no range, there are more parts than axes, a range is empty, an index lies outside the grid,
            a step is not positive, or no axis is left.
    """
    parts = [part.strip() for part in crop.split(",")] if crop.strip() else []
    if len(parts) > len(grid):
        raise UserError(f"data.crop={crop} has {len(parts)} parts: the grid of shape {grid} has {len(grid)} axes")
    parts += [":"] * (len(grid) - len(parts))
    index = tuple(_parse_range(part, n, crop) for part, n in zip(parts, grid, strict=True))
    if not any(isinstance(i, slice) for i in index):
        raise UserError(f"data.crop={crop} keeps one entry of a grid of shape {grid}: give at least two entries")
    return index


def _parse_range(part: str, nodes: int, crop: str) -> slice | int:
    """Return one part of a crop, with all numbers counted from the start."""
    accepted = "give start:stop, start:stop:step, : or an index"
    try:
        numbers = [int(number) if number.strip() else None for number in part.split(":")]
    except ValueError:
        raise UserError(f"data.crop={crop}: {part!r} is no range; {accepted}") from None
    if len(numbers) == 1 and numbers[0] is not None:
        if not -nodes <= numbers[0] < nodes:
            raise UserError(f"data.crop={crop}: index {part} is outside the axis; give {-nodes} to {nodes - 1}")
        return numbers[0] % nodes
    if not 1 < len(numbers) < 4 or (numbers[2:] and (numbers[2] or 1) < 1) or numbers[2:] == [0]:
        raise UserError(f"data.crop={crop}: {part!r} is no range with a positive step; {accepted}")
    start, stop, step = slice(*numbers).indices(nodes)
    count = len(range(start, stop, step))
    if not count:
        raise UserError(f"data.crop={crop}: {part} keeps nothing of an axis of {nodes}; give a range inside it")
    return start if count == 1 else slice(start, stop, step)


def as_array(values: ArrayLike, what: str) -> np.ndarray:
    """Return what a user has given as an array. Masked entries of a masked array of NumPy become NaN.

    Args:
        values: numbers, or nested sequences of them.
        what: the name of the values in messages.

    Raises:
        UserError: nested sequences of different lengths.
    """
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(np.result_type(values.dtype, np.float32)), np.nan)
    try:
        return np.asarray(values)
    except ValueError:
        raise UserError(f"{what}: its rows have different lengths; give one length for each axis") from None


def luma(values: Real[np.ndarray, "*grid C"]) -> Real[np.ndarray, "*grid 1"]:
    """Return the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) of three channels; other values as they are."""
    if values.shape[-1] != 3:
        return values
    precision = np.result_type(values.dtype, np.float32)
    return (values @ _LUMA.astype(precision))[..., None].astype(precision)


def check_memory(needed: int, what: str, advice: str) -> None:
    """Announce a large use of memory, in bytes, before it happens.

    Raises:
        UserError: more is needed than can be used without swapping.
    """
    import psutil

    free = psutil.virtual_memory().available
    if needed > free:
        raise UserError(f"{what} needs about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free: {advice}")
    if needed > _ANNOUNCED:
        logging.info("%s needs about %.1f GB of memory", what, needed / 1e9)


def _check_type(source: Source) -> None:
    if source.dtype.kind not in "iuf":
        reason = "yes or no is no signal" if source.dtype.kind == "b" else "its values are no real numbers"
        raise UserError(f"an array of type {source.dtype}: {reason}; give integers or floats")
    if len(source.shape) <= source.channels:
        raise UserError(f"an array of shape {source.shape}: it has no axis of a grid; give at least one")
    if 0 in source.shape:
        raise UserError(f"an empty array of shape {source.shape}: give at least one entry")


def _check_memory(source: Source, grid: tuple[int, ...], ranges: tuple[slice, ...]) -> None:
    """Refuse what does not fit, and announce what is large."""
    kept = math.prod(len(range(n)[r]) for n, r in zip(grid, ranges, strict=True))
    kept *= source.shape[-1] if source.channels else 1
    needed = kept * (_BYTES_PER_ENTRY + source.dtype.itemsize)
    if source.whole:
        needed += math.prod(source.shape) * source.dtype.itemsize
    check_memory(needed, f"an array of shape {source.shape}", "keep less of it with data.crop, such as 0:64,:,10:20")


def _check_values(values: Real[np.ndarray, "*grid C"]) -> None:
    if values.dtype.kind != "f":
        return
    if np.isinf(values).any():
        raise UserError("infinite values in the array: replace them by NaN, which stands for missing values")
    if np.isnan(values).all():
        raise UserError(
            "every value of the array is NaN, which stands for a missing value: give some that are observed"
        )
