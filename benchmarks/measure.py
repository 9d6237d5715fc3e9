"""What the benchmarks share: versions that take turns, their spread, memory, and what a run leaves.

Peak memory is read from /proc, so it takes Linux.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inrr_jax.experiments.tables import markdown
from inrr_jax.io.writers import write_json

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")


def arguments(module: str, purpose: str) -> argparse.ArgumentParser:
    """Return a parser that knows --workdir, which defaults to runs/MODULE."""
    parser = argparse.ArgumentParser(description=purpose.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("runs") / module)
    return parser


def machine() -> dict[str, Any]:
    """Describe what is measured on; the load is that of others, before the run adds its own."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "device": jax.devices()[0].device_kind,
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: found for name in LIBRARIES if (found := _installed(name))},
    }


def _processor() -> str:
    """Name the processor and what it multiplies bfloat16 with."""
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore").splitlines()
    found = dict(tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    units = [unit for unit in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if unit in found.get("flags", "").split()]
    return f"{found.get('model name', platform.machine())} ({', '.join(units)})"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def seconds(call: Callable[[], Any]) -> float:
    """Return the seconds of a call and of what it started on the device."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def alternate(versions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Let the versions measure themselves in turns, so that a drift of the machine meets all of them.

    The first of the rounds, which warms up, is not among those returned.
    """
    turns: dict[str, list[float]] = {name: [] for name in versions}
    for _ in range(rounds + 1):
        for name, measured in versions.items():
            turns[name].append(measured())
    return {name: values[1:] for name, values in turns.items()}


def spread(values: list[float]) -> dict[str, float]:
    """Return median and quartiles."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(median), "low": float(low), "high": float(high)}


def memory(name: str) -> int:
    """Return VmRSS (now) or VmHWM (peak) of this process in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def reset_peak() -> int:
    """Make this process's peak memory start anew, and return what it holds now in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory("VmRSS")


def in_process(module: str, *flags: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run `python -m MODULE FLAGS` in a process of its own and return the JSON of its last line."""
    command = [sys.executable, "-m", module, *flags]
    ran = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    return json.loads(ran.stdout.splitlines()[-1])


class Worker:
    """A process that stays, and answers every line of JSON with one."""

    def __init__(self, module: str, *flags: str, environment: Mapping[str, str] | None = None):
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def ask(self, request: Any) -> Any:
        """Return the answer to a request.

        Raises:
            RuntimeError: the process has ended instead.
        """
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with code {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def answer(reply: Callable[[Any], Any]) -> None:
    """Be the other side of a `Worker`."""
    for line in sys.stdin:
        print(json.dumps(reply(json.loads(line))), flush=True)


def table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> str:
    """Format rows as a Markdown table.

    Args:
        rows: by the names of their values; a missing value or None becomes a dash.
        columns: title -> format, such as "{median:.3f} ({low:.3f}-{high:.3f})".
    """
    return markdown(list(columns), [[_cell(row, text) for text in columns.values()] for row in rows])


def _cell(row: dict[str, Any], text: str) -> str:
    try:
        return text.format(**row)
    except (KeyError, TypeError):  # not measured
        return "-"


def leave(folder: Path, name: str, result: dict[str, Any], text: str) -> None:
    """Print the text and write it as NAME.md, and the result with the machine as NAME.json."""
    folder.mkdir(parents=True, exist_ok=True)
    on = machine()
    text += "\n\n" + ", ".join(f"{key} {value}" for key, value in on.items()) + "\n"
    print(text)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    write_json(folder / f"{name}.json", {**result, "machine": on})
