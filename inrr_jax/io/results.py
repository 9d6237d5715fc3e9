"""A table of finished rows on disk: what a long job has done already survives any kind of end."""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inrr_jax.io import writers
from inrr_jax.types import Row


class Results:
    """Rows of `results.jsonl` in a folder, each told apart by its key columns.

    Rows are added at the end, and are on the disk when `add` returns; a last line that a kill cut short is dropped.
    """

    def __init__(self, folder: Path, keys: Sequence[str]):
        """Read the rows that are there.

        Args:
            folder: must exist.
            keys: the columns by which a row is known.

        Raises:
            OSError: the file cannot be read or written.
        """
        self._folder, self._keys = folder, tuple(keys)
        self._path = folder / "results.jsonl"
        self.rows: list[Row] = []
        self._known: set[str] = set()
        self._take(writers.read_lines(self._path))
        writers.write_lines(self._path, self.rows)

    def __contains__(self, row: Mapping[str, Any]) -> bool:
        """Whether a row with these key columns is there; other columns may be missing."""
        return self._identity(row) in self._known

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows, in one write; NaN and infinity become null.

        Raises:
            OSError: they could not be written.
        """
        finite = [writers.finite(dict(row)) for row in rows]
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row) + "\n" for row in finite))
            file.flush()
            os.fsync(file.fileno())
        self._take(finite)

    def write_csv(self) -> None:
        """Write all rows as `results.csv`, whole or not at all; columns in the order of their first appearance.

        Raises:
            OSError: it could not be written.
        """
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        writers.replace(self._folder / "results.csv", text.getvalue())

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.rows.append(row)
            self._known.add(self._identity(row))

    def _identity(self, row: Mapping[str, Any]) -> str:
        return json.dumps([row[key] for key in self._keys])
