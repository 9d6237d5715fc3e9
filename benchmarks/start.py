"""Measures where the seconds of the main job, scripts.train, are spent, from the start of the process.

python -m benchmarks.start [--workdir=FOLDER] [--rounds=3] [--config=VARIANT]

Each round is a new process that runs the real `scripts.train.main`. The functions of each phase are replaced by
wrappers that measure their time, and JAX itself reports when it traces and compiles. A phase does not include the time
of phases nested in it, so the phases add up to the whole job. On two cores the benchmark takes a minute and a half. It
writes start.json, start.md and start.png.
"""

import argparse
import contextlib
import functools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from benchmarks import measure

COLUMNS = {"phase": "{phase}", "seconds": "{median:.2f} ({low:.2f}-{high:.2f})", "processor seconds": "{cpu:.2f}"}
REST = "rest"
"""The phase of everything that belongs to no other phase."""
COMPILER_EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "tracing",
    "/jax/core/compile/backend_compile_duration": "compilation",
}
"""The phases of the events that JAX reports through jax.monitoring."""


class PhaseClock:
    """Attributes the seconds of a process to phases; a nested phase interrupts the one around it.

    The attributes `wall` and `cpu` hold the wall-clock seconds and the processor seconds, summed over all threads, of
    each phase by name.
    """

    def __init__(self, first: str):
        """Start the clock at the start of the process, in the phase `first`."""
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._open = [first]
        self._thread = threading.get_ident()
        # The clock of process_time starts with the process, and time.time is comparable with the time of creation.
        self._last = psutil.Process().create_time(), 0.0

    def switch(self, name: str) -> None:
        """End the outermost phase and start another one in its place."""
        self._charge()
        self._open[:] = [name]

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Attribute the time inside the context to a phase."""
        depth = len(self._open)
        self._enter(name)
        try:
            yield
        finally:
            self._charge()
            # Not merely the last entry: an exception may have skipped the end of compiler events.
            del self._open[depth:]

    def timed(self, name: str, function: Callable) -> Callable:
        """Wrap a function so that its time, including the computations that it starts, is attributed to a phase."""

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            import jax

            with self.phase(name):
                # Without the wait, the time of asynchronous computations would be attributed to whatever waits first.
                return jax.block_until_ready(function(*args, **kwargs))

        return wrapper

    @contextlib.contextmanager
    def compiler_phases(self) -> Iterator[None]:
        """Attribute the time that JAX spends on tracing and compiling inside the context to phases of their own."""
        import jax.monitoring

        listening = True

        def concerns(event):
            # Compilations in other threads run at the same time as a phase of this one, and do not interrupt it.
            return listening and event in COMPILER_EVENTS and threading.get_ident() == self._thread

        def begin(event: str, value: float | int, **unused: str | int) -> None:
            if concerns(event):
                self._enter(COMPILER_EVENTS[event])

        def end(event: str, duration_secs: float, **unused: str | int) -> None:
            if concerns(event) and self._open[-1] == COMPILER_EVENTS[event]:
                self._charge()
                self._open.pop()

        # JAX reports a scalar of the event's name at its start, and the duration at its end.
        jax.monitoring.register_scalar_listener(begin)
        jax.monitoring.register_event_duration_secs_listener(end)
        try:
            yield
        finally:
            # The oldest supported JAX cannot unregister a single listener, so they stay and do nothing.
            listening = False

    def _enter(self, name: str) -> None:
        self._charge()
        self._open.append(name)

    def _charge(self) -> None:
        """Attribute the time since the last call to the innermost open phase."""
        now, name = (time.time(), time.process_time()), self._open[-1]
        self.wall[name] = self.wall.get(name, 0.0) + now[0] - self._last[0]
        self.cpu[name] = self.cpu.get(name, 0.0) + now[1] - self._last[1]
        self._last = now


def profile(variant: str, folder: Path) -> dict[str, Any]:
    """Run scripts.train once in this process, and attribute its seconds to phases.

    Args:
        variant: of configs/baboon.py.
        folder: work directory of the run, which must not exist or must be empty.

    Returns:
        `wall` and `cpu`, the wall-clock and processor seconds of each phase by name.
    """
    clock = PhaseClock("imports")
    from absl import flags

    from scripts import cli, train

    with contextlib.ExitStack() as stack:
        # scripts.train imports the plots, and with them matplotlib, only when it draws.
        with clock.phase("figures"):
            from inrr_jax import plots  # noqa: F401
        clock.switch(REST)
        stack.enter_context(clock.compiler_phases())
        for name, owner, attribute in functions_of_phases(train):
            wrapper = clock.timed(name, getattr(owner, attribute))
            stack.enter_context(mock.patch.object(owner, attribute, wrapper))
        flags.FLAGS(["scripts.train", f"--config=configs/baboon.py:{variant}"])
        train.main(cli.CONFIG.value, folder)
        clock.switch(REST)
    return {"wall": clock.wall, "cpu": clock.cpu}


def functions_of_phases(train: Any) -> list[tuple[str, Any, str]]:
    """Return the functions that make up the phases of the module scripts.train.

    Returns:
        For each function the phase, and the object and attribute through which it is called.
    """
    from inrr_jax import metrics, plots
    from inrr_jax.data import images, loading
    from inrr_jax.recipes import pipeline
    from inrr_jax.reports import picture
    from inrr_jax.training import fit
    from inrr_jax.training.checkpoints import Checkpoints

    functions = (
        ("picture and mask", loading.load),
        ("guide and first estimate", pipeline.prepare),
        ("first parameters", fit.init),
        ("steps", fit.fit_chunk),
        ("evaluations", fit.recover),
        ("evaluations", metrics.summarize),
        ("correction", pipeline.finish),
        ("harmonic fill", picture.harmonic),
        ("figures", fit.laplacians),
        ("figures", images.save),
        ("figures", plots.comparison),
    )
    # A function is called through the module that defines it, or through a module that has imported it by name.
    modules = [module for name, module in sys.modules.items() if name.startswith("inrr_jax.")]
    modules = [*modules, train]
    found = [
        (phase, module, name)
        for phase, function in functions
        for module in modules
        for name, value in vars(module).items()
        if value is function
    ]
    methods = ("__init__", "save", "restore", "newest", "close")
    return found + [("checkpoints", Checkpoints, method) for method in methods]


def run(rounds: int, variant: str) -> list[dict[str, Any]]:
    """Profile new processes.

    Args:
        rounds: number of processes.
        variant: of configs/baboon.py.

    Returns:
        A row per phase in the order in which they begin, then one for the rest and one for `all` of them. Each has the
        quartiles of the wall-clock seconds, and the median of the processor seconds as `cpu`.
    """
    runs = [measure.in_process("benchmarks.start", "--alone", f"--config={variant}") for _ in range(rounds)]
    for result in runs:
        for kind in ("wall", "cpu"):
            result[kind]["all"] = sum(result[kind].values())
    return [
        {
            "phase": name,
            **measure.quartiles([result["wall"][name] for result in runs]),
            "cpu": measure.quartiles([result["cpu"][name] for result in runs])["median"],
        }
        for name in sorted(runs[0]["wall"], key=lambda name: (name == "all", name == REST))
    ]


def main() -> None:
    """Profile the main job and write the report, or run it once in a process that this one has started."""
    parser = measure.arguments("start", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="number of processes")
    parser.add_argument("--config", default="", help="variant of configs/baboon.py")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.alone:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(profile(flags.config, Path(folder) / "run")))
        return
    rows = run(flags.rounds, flags.config)
    text = measure.table(rows, COLUMNS) + f"\n\nMedians of {flags.rounds} processes (quartiles)."
    measure.write(flags.workdir, "start", {"rows": rows}, text)
    from inrr_jax import plots

    plots.bars(flags.workdir / "start.png", {"seconds": {row["phase"]: row for row in rows}})


if __name__ == "__main__":
    main()
