"""Files that a run leaves: JSON written whole or not at all; metrics as JSON lines and, if installed, TensorBoard."""

import importlib.util
import json
import math
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any) -> None:
    """Write JSON to a file beside it first, so that the path never holds half of it; NaN and infinity become null."""
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_text(json.dumps(_finite(content), indent=2) + "\n", encoding="utf-8")
    os.replace(scratch, path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines; a last line that was cut short does not count, and neither does a missing file."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


class MetricsWriter:
    """Metrics of a fit, a row per evaluated step: `metrics.jsonl`, and TensorBoard when tensorboardX is installed."""

    def __init__(self, folder: Path, step: int):
        """Open the files to go on after `step`: rows of later steps, from a run that was cut off, are dropped."""
        path = folder / "metrics.jsonl"
        kept = [row for row in read_lines(path) if row["step"] <= step]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._board = None
        if importlib.util.find_spec("tensorboardX"):
            from tensorboardX import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Append a row; NaN and infinity become null."""
        self._file.write(json.dumps(_finite({"step": step, **values})) + "\n")
        self._file.flush()
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board:
            self._board.close()


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
