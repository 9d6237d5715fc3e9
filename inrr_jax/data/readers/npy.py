"""NumPy's own files: .npy, of which any part can be read, and .npz, which holds arrays by name."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.errors import UserError, unknown

# Pickled arrays are refused throughout: reading one can run any code.


def read_npy(path: Path) -> Source:
    """Return the array of a .npy file, mapped into memory.

    Raises:
        UserError: the file holds pickled objects.
    """
    with open(path, "rb") as file:
        shape, dtype = _header(file, path)
    if 0 in shape or not shape:  # Neither can be mapped, and the checks of the caller refuse both.
        return Source(shape, dtype, lambda index: np.empty(shape, dtype))
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return Source(shape, dtype, lambda index: np.array(mapped[index]), whole=False)


def read_npz(path: Path, name: str = "") -> Source:
    """Return one array of a .npz file: the one of this name, or the only one.

    Raises:
        UserError: there is none of this name, or several and no name was given, or it holds pickled objects.
    """
    with zipfile.ZipFile(path) as archive:
        names = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
        if not names:
            raise UserError(f"{str(path)!r} holds no array: give a file written by numpy.savez")
        if not name and len(names) > 1:
            raise UserError(f"{str(path)!r} holds several arrays: give data.array, one of {', '.join(sorted(names))}")
        if name and name not in names:
            raise UserError(unknown(f"array {name} of {str(path)!r}", name, names))
        name = name or names[0]
        with archive.open(f"{name}.npy") as file:
            shape, dtype = _header(file, path)

    def part(index: tuple[slice, ...]) -> np.ndarray:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name][index]

    return Source(shape, dtype, part)


def _header(file: Any, path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and the type that the header declares, before anything is allocated for them."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    # Version 3 differs in the names of fields alone, and arrays with fields are no signals.
    if version not in readers:
        raise UserError(f"{str(path)!r} holds an array with fields: save one field of it, as a plain array")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise UserError(f"{str(path)!r} holds Python objects, which are never loaded: save an array of numbers")
    return shape, dtype
