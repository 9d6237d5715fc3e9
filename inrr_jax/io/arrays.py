"""Arrays that outlive an interruption: a mapping whose values are files."""

import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import numpy as np


class Arrays(MutableMapping[str, np.ndarray]):
    """A mapping from names to arrays, each of which is a file NAME.npy in a folder, whole or absent."""

    def __init__(self, folder: Path):
        """Use a folder that exists; the .npy files in it are the first entries."""
        self._folder = folder

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self:
            raise KeyError(name)
        return np.load(self._path(name), allow_pickle=False)

    def __setitem__(self, name: str, value: np.ndarray) -> None:
        scratch = self._folder / f"{name}.tmp"
        with open(scratch, "wb") as file:
            np.save(file, value, allow_pickle=False)
        os.replace(scratch, self._path(name))  # an interruption leaves no half-written file

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._path(name).unlink()

    def __contains__(self, name: object) -> bool:
        return self._path(str(name)).exists()

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._folder.glob("*.npy")))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npy"
