"""Tools that the benchmarks share: clocks, alternating measurements, peak memory, worker processes and reports.

Peak memory and the name of the processor are read from /proc, so the benchmarks need Linux.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from inrr_jax.experiments.tables import markdown
from inrr_jax.io.writers import write_atomically, write_json

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
"""Libraries whose versions every report names, if they are installed."""


def arguments(module: str, purpose: str) -> argparse.ArgumentParser:
    """Return a parser with the flag --workdir, whose default is runs/MODULE.

    Args:
        module: name of the benchmark.
        purpose: its module docstring, of which --help shows the first line.
    """
    parser = argparse.ArgumentParser(description=purpose.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("runs") / module, help="folder for the results")
    return parser


def machine() -> dict[str, Any]:
    """Return a description of the machine: processor, memory, device, load average and library versions.

    The load average covers the last minute and therefore includes the load of a benchmark that has just ended.
    """
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
    """Return the name of the processor, and its vector extensions that decide the speed of matrix products."""
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
    """Return the wall-clock seconds of a call, including the computations that it has started on the device."""
    start = time.perf_counter()
    # JAX dispatches asynchronously: without the wait, only the dispatch would be measured.
    jax.block_until_ready(call())
    return time.perf_counter() - start


def processor_seconds(call: Callable[[], Any]) -> float:
    """Return the seconds that all cores have spent on a call, which other processes hardly change."""
    start = time.process_time()
    jax.block_until_ready(call())
    return time.process_time() - start


def alternate(versions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure several versions in turn, so that a drift in the speed of the machine affects all of them equally.

    Args:
        versions: functions that each return one measurement of their version, by name.
        rounds: number of measurements of each version.

    Returns:
        `rounds` measurements of each version, in the order of measurement. One more round precedes these as a warm-up
        and is discarded.
    """
    turns: dict[str, list[float]] = {name: [] for name in versions}
    for _ in range(rounds + 1):
        for name, measured in versions.items():
            turns[name].append(measured())
    return {name: values[1:] for name, values in turns.items()}


def quartiles(values: list[float]) -> dict[str, float]:
    """Return the `median` and the lower and upper quartile, `low` and `high`, of repeated measurements."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(median), "low": float(low), "high": float(high)}


def standard_error(values: Float[np.ndarray, "n"]) -> float:
    """Return the standard error of the mean of n values, with n - 1 in the denominator; NaN for a single one."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def memory(name: str) -> int:
    """Return the resident memory of this process in bytes: VmRSS is the current value and VmHWM the peak."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def reset_peak() -> int:
    """Reset the peak memory of this process to its current resident memory, and return that in bytes."""
    # Linux resets VmHWM when 5 is written to this file (man 5 proc).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory("VmRSS")


def in_process(module: str, *flags: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run `python -m MODULE FLAGS` in a new process and return the last line of its output, parsed as JSON.

    Args:
        module: dotted name of the module.
        flags: command-line flags.
        environment: variables that are set in addition to those of this process.

    Raises:
        subprocess.CalledProcessError: the process has failed.
    """
    command = [sys.executable, "-m", module, *flags]
    ran = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    return json.loads(ran.stdout.splitlines()[-1])


class Worker:
    """A process that keeps running and answers each request, a line of JSON, with one line of JSON.

    Its compiled programs stay in memory between requests, so that measurements in it can alternate with measurements in
    other processes. The module that it runs calls `answer`.
    """

    def __init__(self, module: str, *flags: str, environment: Mapping[str, str] | None = None):
        """Start `python -m MODULE FLAGS`, with these variables in addition to those of this process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def ask(self, request: Any) -> Any:
        """Return the answer to a request; both consist of values that JSON can represent.

        Raises:
            RuntimeError: the process has ended without an answer.
        """
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with code {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """Close the input of the process, which ends it, and wait for its end."""
        self._process.communicate()


def answer(reply: Callable[[Any], Any]) -> None:
    """Answer the requests of a `Worker` on standard input until it closes.

    Args:
        reply: maps a request to its answer.
    """
    for line in sys.stdin:
        # Without the flush, the answer would stay in a buffer and the other process would wait for ever.
        print(json.dumps(reply(json.loads(line))), flush=True)


def table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> str:
    """Format rows as a Markdown table.

    Args:
        rows: values by name. A cell whose values are missing or None becomes a dash.
        columns: the format of each column by its title, such as "{median:.3f} ({low:.3f}-{high:.3f})".
    """
    return markdown(list(columns), [[_cell(row, text) for text in columns.values()] for row in rows])


def _cell(row: dict[str, Any], text: str) -> str:
    try:
        return text.format(**row)
    except (KeyError, TypeError):  # the value was not measured, or is None, which takes no number format
        return "-"


def write(folder: Path, name: str, result: dict[str, Any], text: str) -> None:
    """Print a report and write it as NAME.md, and the result as NAME.json; a description of the machine joins both.

    Args:
        folder: is created if it does not exist.
        name: of the benchmark.
        result: all measurements, as values that JSON can represent.
        text: the report in Markdown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    on = machine()
    text += "\n\n" + ", ".join(f"{key} {value}" for key, value in on.items()) + "\n"
    print(text)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    write_json(folder / f"{name}.json", {**result, "machine": on})


def write_page(page: Path, tables: Mapping[str, str]) -> None:
    """Replace tables of a page, each between the lines `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

    Args:
        page: in Markdown.
        tables: what is written between the lines, by NAME.

    Raises:
        ValueError: the page does not have the two lines of a table exactly once.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = (f"<!-- {name}: {side} -->" for side in ("begin", "end"))
        found, written = re.compile(f"{begin}.*?{end}", re.DOTALL), f"{begin}\n\n{table}\n{end}"
        if len(found.findall(text)) != 1:
            places = len(found.findall(text))
            raise ValueError(f"{page} has {places} places for {name}: give it the lines {begin} and {end} once")
        text = found.sub(lambda _, new=written: new, text)
    write_atomically(page, text)
