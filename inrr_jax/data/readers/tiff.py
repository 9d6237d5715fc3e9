"""Stacks of pictures in TIFF files, read with tifffile, which scikit-image installs."""

from pathlib import Path
from typing import Any

import numpy as np

from inrr_jax.data.arrays import Source

_LENGTHS = {"micron": "um", "\\u00B5m": "um", "um": "um", "mm": "mm", "nm": "nm", "cm": "cm"}


def read_tiff(path: Path) -> Source:
    """Return the first series of pictures, with the spacing that ImageJ has written.

    An axis of samples, red, green and blue, is the axis of channels if it is the last one.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        shape, dtype = tuple(series.shape), np.dtype(series.dtype)
        channels = series.axes.endswith("S")
        spacing, length = _imagej_spacing(file, series.axes.removesuffix("S"))
    return Source(
        shape,
        dtype,
        lambda index: tifffile.imread(path, series=0)[index],
        channels=channels,
        spacing=spacing,
        length=length,
    )


def _imagej_spacing(file: Any, axes: str) -> tuple[tuple[float, ...] | None, str]:
    """Return the spacing along the axes and its unit, if ImageJ has written one for each."""
    metadata = file.imagej_metadata or {}
    along = {"Z": metadata.get("spacing")}
    for axis, tag in (("X", "XResolution"), ("Y", "YResolution")):
        # The resolution is a fraction, in pixels per unit.
        pixels, units = file.pages[0].tags[tag].value if tag in file.pages[0].tags else (0, 0)
        along[axis] = units / pixels if pixels else None
    spacing = tuple(float(along.get(axis) or 0) for axis in axes)
    if not metadata or not all(spacing):
        return None, ""
    return spacing, _LENGTHS.get(metadata.get("unit", ""), "")
