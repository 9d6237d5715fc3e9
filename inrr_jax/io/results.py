"""A table of results on disk that grows row by row, so that a long job that is stopped loses no finished work."""

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
    """The rows of `results.jsonl` in a folder, identified by their key columns.

    New rows are appended and are safely on disk when `add` returns. A last line that was cut off, because the process
    was killed while it wrote, is removed when the file is opened again. Other damaged lines are removed with a warning.
    """

    def __init__(self, folder: Path, keys: Sequence[str], columns: Mapping[str, Any] | None = None):
        """Read the rows that the file holds already.

        Args:
            folder: the work directory, which must exist.
            keys: names of the columns that together identify a row. Every row must have them.
            columns: further columns that every row must have, each with its type.

        Raises:
            OSError: the file cannot be read or written.
        """
        self.folder, self._keys = folder, tuple(keys)
        self._path = folder / "results.jsonl"
        self.rows: list[Row] = []
        self._known: set[str] = set()
        # A key may hold a value of any type, since it is only compared.
        self._take(writers.read_lines(self._path, dict.fromkeys(self._keys, object) | dict(columns or {})))
        # Without its damaged lines and with a newline at its end, the file is ready for rows to be appended.
        writers.write_lines(self._path, self.rows)

    def __contains__(self, row: Mapping[str, Any]) -> bool:
        """Return whether the table has a row with the same key columns. Other columns are not compared."""
        return self._identity(row) in self._known

    def drop(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Remove rows, so that their jobs are run again.

        Raises:
            OSError: the file could not be written.
        """
        gone = {self._identity(row) for row in rows}
        if gone:
            kept = [row for row in self.rows if self._identity(row) not in gone]
            self.rows, self._known = [], set()
            self._take(kept)
            writers.write_lines(self._path, kept)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows to the table in a single write. NaN and infinity become null.

        Raises:
            OSError: the rows could not be written.
        """
        finite = [writers.finite(dict(row)) for row in rows]
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row) + "\n" for row in finite))
            file.flush()
            os.fsync(file.fileno())  # so that the rows survive a crash of the machine, not only of this process
        self._take(finite)

    def write_csv(self) -> None:
        """Write all rows atomically as `results.csv`, with the columns in the order of their first appearance.

        Raises:
            OSError: the file could not be written. The old file, if any, is unchanged.
        """
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        writers.write_atomically(self.folder / "results.csv", text.getvalue())

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.rows.append(row)
            self._known.add(self._identity(row))

    def _identity(self, row: Mapping[str, Any]) -> str:
        # As JSON, because that is how rows come back from the file, and because lists among the values are not
        # hashable. JSON keeps every digit of a float, so that 0.1 and 0.1 + 1e-16 stay two keys.
        return json.dumps([row[key] for key in self._keys])
