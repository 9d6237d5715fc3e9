"""Readers of files: each finds out what a file holds, and reads parts of it.

A new format needs a function and a line in one of the tables.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers.files import check_file, decoding
from inrr_jax.data.readers.netcdf import read_netcdf
from inrr_jax.data.readers.nifti import read_nifti
from inrr_jax.data.readers.npy import read_npy, read_npz
from inrr_jax.data.readers.text import read_text
from inrr_jax.data.readers.tiff import read_tiff
from inrr_jax.data.readers.video import read_gif, read_video
from inrr_jax.errors import UserError, unknown

WITH_NAMES: dict[str, Callable[[Path, str], Source]] = {".npz": read_npz, ".nc": read_netcdf}
"""Readers of files that hold several arrays, by suffix: functions from a path and a name, which may be empty."""

READERS: dict[str, Callable[[Path], Source]] = {
    ".npy": read_npy,
    ".nii": read_nifti,
    ".nii.gz": read_nifti,
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".gif": read_gif,
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv"), read_video),
    **dict.fromkeys((".csv", ".tsv", ".txt", ".dat"), read_text),
}
"""Readers of all other files, by suffix: functions from a path to a `Source`."""


def open_file(path: str | Path, array: str = "") -> Source:
    """Find out what a file holds, without reading its values where the format allows that.

    Args:
        path: a file with one of the suffixes in `READERS` and `WITH_NAMES`.
        array: the name of the array in a file that holds several.

    Raises:
        UserError: there is no such file, its suffix is unknown, its content is damaged or not loaded for safety, or the
            package that reads it is not installed.
    """
    path = Path(path)
    check_file(path)
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
    if suffix not in {**READERS, **WITH_NAMES}:
        raise UserError(unknown(f"suffix {suffix} of {str(path)!r}", suffix, [*READERS, *WITH_NAMES]))
    if array and suffix in READERS:
        kinds = " and ".join(WITH_NAMES)
        raise UserError(f"data.array={array}: {str(path)!r} holds one array; {kinds} files hold arrays by name")
    with decoding(path):
        source = READERS[suffix](path) if suffix in READERS else WITH_NAMES[suffix](path, array)
    return source._replace(part=_guarded(source.part, path))


def _guarded(part: Callable[[tuple[slice, ...]], np.ndarray], path: Path) -> Callable[[tuple[slice, ...]], np.ndarray]:
    """Return a function that reads a part and names the file in errors."""

    def read(index: tuple[slice, ...]) -> np.ndarray:
        with decoding(path):
            return part(index)

    return read
