"""Readers and writers of the files of a run.

JSON files are written atomically: either the whole new content is on disk afterwards or the old one. Metrics are
written as JSON lines and, where tensorboardX is installed, as TensorBoard events too.
"""

import importlib.util
import json
import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from absl import logging


def write_json(path: Path, content: Any) -> None:
    """Write the content atomically as indented JSON, with null for every NaN and infinity.

    Raises:
        OSError: the file could not be written. The old file, if any, is unchanged.
    """
    write_atomically(path, json.dumps(finite(content), indent=2) + "\n")


def read_lines(path: Path, required: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Read the rows of a file of JSON lines; a file that does not exist has none.

    A damaged line is skipped with a warning that names the file and the line. A line is damaged if it is not valid
    JSON in UTF-8, is not a mapping, or lacks a required column. A last line that was cut off is skipped silently,
    because every process that is killed while it writes may cause one.

    Args:
        path: of the file.
        required: columns that every row must have, each with the type (or union of types) of its values.

    Raises:
        OSError: the file exists but cannot be read.
    """
    rows = []
    # The file is read as bytes, so that one line that is not text does not spoil the others.
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested too deeply for Python's parser
            # Complete lines end with a newline, after which the split yields an empty item. So the last item is the
            # beginning of a row whose writing was interrupted, provided that it starts like one.
            if number < len(lines) or not line.startswith(b"{"):
                _warn_of_damage(path, number, "is not valid JSON")
            continue
        if damage := _find_damage(row, required or {}):
            _warn_of_damage(path, number, damage)
        else:
            rows.append(row)
    return rows


def _find_damage(row: Any, required: Mapping[str, Any]) -> str:
    """Say what makes a row unusable, completing the sentence "the line ..."; empty for a sound row."""
    if not isinstance(row, dict):
        return "is not a mapping"
    for column, kind in required.items():
        if column not in row:
            return f"has no column {column}"
        if not isinstance(row[column], kind):
            return f"has a column {column} that is not of type {getattr(kind, '__name__', kind)}"
    return ""


def _warn_of_damage(path: Path, number: int, damage: str) -> None:
    logging.warning("%s: line %d is skipped because it %s", path, number, damage)


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the file's content atomically by these rows, one line of JSON per row.

    Raises:
        OSError: the file could not be written. The old file, if any, is unchanged.
    """
    write_atomically(path, "".join(json.dumps(row) + "\n" for row in rows))


class MetricsWriter:
    """Writer of a fit's metrics: one row per evaluated step in `metrics.jsonl`, and in TensorBoard where installed."""

    def __init__(self, folder: Path, step: int):
        """Open the files of a fit that starts at `step` or resumes from it.

        Rows of later steps are removed. They come from a run that was interrupted after its last checkpoint, and the
        resumed fit computes these steps again.

        Args:
            folder: the work directory, which must exist.
            step: number of steps that the fit has taken; 0 for a new fit.

        Raises:
            OSError: a file cannot be read or written.
        """
        path = folder / "metrics.jsonl"
        kept = [row for row in read_lines(path, {"step": int}) if row["step"] <= step]
        write_lines(path, kept)
        self._file = path.open("a", encoding="utf-8")
        installed = importlib.util.find_spec("tensorboardX")
        self._board = _TensorBoard(folder / "tensorboard", step) if installed else None

    def write(self, step: int, values: dict[str, float | None]) -> None:
        """Append a row. NaN, infinity and None become null; TensorBoard gets no point for None."""
        self._file.write(json.dumps(finite({"step": step, **values})) + "\n")
        self._file.flush()
        if self._board:
            self._board.write(step, values)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board:
            self._board.close()


class _TensorBoard:
    """Writer of TensorBoard's event files in the calling thread.

    tensorboardX's own SummaryWriter writes in a background thread. That thread dies when the disk is full, after which
    the fit waits for it forever.
    """

    def __init__(self, folder: Path, step: int):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder.mkdir(exist_ok=True)
        self._events = EventsWriter(str(folder / "events"))
        # This event makes TensorBoard discard the points of later steps, which an interrupted run has written.
        self._events.write_event(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))

    def write(self, step: int, values: dict[str, float | None]) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for name, value in values.items():
            if value is not None:
                self._events.write_event(Event(wall_time=time.time(), step=step, summary=scalar(name, value)))
        self._events.flush()

    def close(self) -> None:
        self._events.close()


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's content by the text, or fail and keep the file as it was.

    Raises:
        OSError: the file could not be written.
    """
    # A rename within one folder is atomic, whereas a write to the path itself could be interrupted half-way.
    scratch = path.with_name(path.name + ".tmp")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def finite(content: Any) -> Any:
    """Return a copy of the content of a JSON file with None for every NaN and infinity, which JSON cannot express."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
