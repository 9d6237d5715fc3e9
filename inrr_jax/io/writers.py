"""Files that a run leaves: JSON written whole or not at all; metrics as JSON lines and, if installed, TensorBoard."""

import importlib.util
import json
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any) -> None:
    """Write JSON to a file beside it first, so that the path never holds half of it; NaN and infinity become null."""
    replace(path, json.dumps(finite(content), indent=2) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines; a last line that was cut short does not count, and neither does a missing file."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Put these rows in place of the file's content, or fail and leave the file as it was."""
    replace(path, "".join(json.dumps(row) + "\n" for row in rows))


class MetricsWriter:
    """Metrics of a fit, a row per evaluated step: `metrics.jsonl`, and TensorBoard when tensorboardX is installed."""

    def __init__(self, folder: Path, step: int):
        """Open the files to go on after `step`: rows of later steps, from a run that was cut off, are dropped."""
        path = folder / "metrics.jsonl"
        kept = [row for row in read_lines(path) if row["step"] <= step]
        write_lines(path, kept)
        self._file = path.open("a", encoding="utf-8")
        installed = importlib.util.find_spec("tensorboardX")
        self._board = _TensorBoard(folder / "tensorboard", step) if installed else None

    def write(self, step: int, values: dict[str, float | None]) -> None:
        """Append a row; NaN and infinity become null."""
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
    """Event files written in the foreground: SummaryWriter's thread dies of a full disk, and the fit then hangs."""

    def __init__(self, folder: Path, step: int):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder.mkdir(exist_ok=True)
        self._events = EventsWriter(str(folder / "events"))
        # Tells TensorBoard to forget the later steps of a run that was cut off.
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


def replace(path: Path, text: str) -> None:
    """Put the text in place of the file's content, or fail and leave the file as it was.

    Raises:
        OSError: it could not be written.
    """
    scratch = path.with_name(path.name + ".tmp")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def finite(content: Any) -> Any:
    """Return the content of a JSON file with None for every NaN and infinity."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
