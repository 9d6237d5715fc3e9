"""Measures what is gained by running many fits at once, vectorised and distributed over devices.

python -m benchmarks.sweep [--workdir=FOLDER] [--rounds=5] [--sizes 1 2 4 ...] [--fits=300]

The fits are those of configs/figure3.py, with pictures of 64 x 64 and networks of width 64. The first part measures the
cost of a fit over the number of fits in a batch, in three ways that take turns: vectorised on one device, vectorised on
all virtual devices of the CPU, and one after another on each of these devices. It also compares the memory of a batch
with the compiler's estimate. The second part runs the whole config as one command, and compares its seconds with those
of single runs of scripts.train and of one process that runs the fits one after another, both extrapolated from fewer
fits. On two cores the benchmark takes a quarter of an hour. It writes sweep.json, sweep.md, cost.png and memory.png.
"""

import argparse
import json
import operator
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil

from benchmarks import measure
from configs import figure3
from inrr_jax import metrics, plots
from inrr_jax.data import loading
from inrr_jax.experiments import sweep_grid
from inrr_jax.experiments.sweep_grid import SweepSettings
from inrr_jax.options import change, from_mapping
from inrr_jax.settings import Settings
from inrr_jax.training import batch, fit
from inrr_jax.training.batch import Batch
from inrr_jax.training.sweep import Member

COST = {
    "fits in a batch": "{size}",
    "ms a step, vectorised, one device": "{one[median]:.2f} ({one[low]:.2f}-{one[high]:.2f})",
    "vectorised, all devices": "{all[median]:.2f} ({all[low]:.2f}-{all[high]:.2f})",
    "one after another, all devices": "{loop[median]:.2f} ({loop[low]:.2f}-{loop[high]:.2f})",
    "MiB estimated, one device": "{estimate:.1f}",
    "MiB taken": "{taken:.1f}",
}
WHOLE = {"way": "{way}", "seconds": "{seconds:.0f}", "over the one command": "{ratio:.1f}", "from": "{basis}"}


def members(count: int, steps: int) -> list[Member]:
    """Return the first fits of configs/figure3.py; if it has fewer than `count`, they are repeated in order.

    Args:
        count: number of fits.
        steps: steps of each fit, in one chunk; 0 for those of the config.
    """
    settings = from_mapping(figure3.get_config().to_dict(), SweepSettings)
    fewer = {"fit.train.steps": steps, "fit.train.chunk": steps} if steps else {}
    points = [point.settings for point in sweep_grid.expand(change(settings, fewer))][:count]
    problems = loading.load_all([(own.data, own.mask) for own in points])
    found = [Member(own, problem) for own, problem in zip(points, problems, strict=True)]
    return [found[i % len(found)] for i in range(count)]


def batch_seconds(compiled: Batch, fits: list[Member]) -> float:
    """Return the seconds of fits in batches, one batch after the other, divided by the number of fits and of steps."""
    cut = range(0, len(fits), compiled.size)
    fitted = [one for i in cut for one in batch.fit(compiled, fits[i : i + compiled.size], lambda steps: None)]
    return sum(one.seconds for one in fitted) / len(fits) / fits[0].settings.train.steps


class Programs:
    """Times batches of fits on request, and keeps the compiled programs for later requests."""

    def __init__(self, steps: int):
        """Set the number of steps of every fit."""
        self._steps = steps
        self._compiled: dict[int, Batch] = {}

    def __call__(self, request: dict[str, int]) -> float:
        """Return the milliseconds of a step of one fit, if `size` fits run with `at_once` of them on each device."""
        fits, at_once = members(request["size"], self._steps), request["at_once"]
        if at_once not in self._compiled:
            self._compiled[at_once], _ = batch.compile_batch(*fits[0], at_once)
        return 1e3 * batch_seconds(self._compiled[at_once], fits)


def memory_of(size: int, steps: int) -> dict[str, float]:
    """Return the memory in MiB of one batch on one device: the compiler's `estimate`, and what was `taken`.

    The memory taken is the peak during the batch minus the memory before it.
    """
    fits = members(size, steps)
    compiled, _ = batch.compile_batch(*fits[0], size)
    held = measure.reset_peak()
    batch.fit(compiled, fits, lambda done: None)
    return {"estimate": compiled.bytes / 2**20, "taken": (measure.memory("VmHWM") - held) / 2**20}


def costs(sizes: list[int], rounds: int, steps: int, devices: int) -> list[dict[str, Any]]:
    """Measure batches of every size in all three ways.

    Args:
        sizes: numbers of fits in a batch.
        rounds: measurements of each way.
        steps: steps of each fit.
        devices: number of virtual devices of the CPU.

    Returns:
        A row per size, with the quartiles of the milliseconds per step and fit of each way, and the memory in MiB.
    """
    workers = {n: worker("--worker", str(n), "--steps", str(steps), devices=n) for n in (1, devices)}

    def asked(worker: measure.Worker, size: int, at_once: int):
        return lambda: worker.ask({"size": size, "at_once": at_once})

    rows = []
    for size in sizes:
        share = -(-size // devices)  # fits on each device, rounded up
        versions = {
            "one": asked(workers[1], size, size),
            "all": asked(workers[devices], size, share),
            "loop": asked(workers[devices], size, 1),
        }
        taken = measure.alternate(versions, rounds)
        # A new process, because the peak of an old one includes memory that it has kept from earlier batches.
        memory = measure.in_process("benchmarks.sweep", "--memory", str(size), "--steps", str(steps))
        rows.append({"size": size, **{name: measure.quartiles(values) for name, values in taken.items()}, **memory})
        print(f"{size} fits in a batch: measured", flush=True)
    for kept in workers.values():
        kept.close()
    return rows


def worker(*flags: str, devices: int) -> measure.Worker:
    """Start a process that runs this module with these flags, on a CPU split into this number of virtual devices."""
    return measure.Worker("benchmarks.sweep", *flags, environment={"JAX_NUM_CPU_DEVICES": str(devices)})


def whole(fits: int, single: int, after_another: int) -> list[dict[str, Any]]:
    """Time the fits of configs/figure3.py as one command, and extrapolate the time of the other two ways.

    Args:
        fits: number of fits of the one command, a multiple of 60, the number of fits per seed.
        single: number of single runs of scripts.train to extrapolate from.
        after_another: number of fits in one process to extrapolate from.

    Returns:
        A row per way, with its seconds, their ratio to those of the one command, and what they are based on.
    """
    points = [member.settings for member in members(fits, 0)]
    with tempfile.TemporaryDirectory() as folder:
        runs = [_seconds("scripts.train", *train_flags(points[i]), f"--workdir={folder}/{i}") for i in range(single)]
        loop = measure.in_process("benchmarks.sweep", "--after_another", str(after_another))
        seeds = tuple(range(fits // 60))
        given = figure3.get_config().axes[:-1]
        swept = _seconds(
            "scripts.sweep",
            "--config=configs/figure3.py",
            f"--config.axes={(*given, ('seed+mask.seed', seeds))}",
            f"--workdir={folder}/sweep",
        )
    count = 60 * len(seeds)
    rest = float(np.median(loop["seconds"][1:]))  # the first fit includes the compilation, and is added once below
    rows = [
        {"way": f"one command, {count} fits", "seconds": swept, "basis": "measured"},
        {"way": "single runs", "seconds": count * float(np.median(runs)), "basis": f"{single} runs"},
        {
            "way": "one process, one after another",
            "seconds": loop["start"] + loop["seconds"][0] + (count - 1) * rest,
            "basis": f"{after_another} fits and the start",
        },
    ]
    return [row | {"ratio": row["seconds"] / swept} for row in rows]


def _seconds(module: str, *flags: str) -> float:
    """Return the seconds that `python -m MODULE FLAGS` takes in a new process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", module, "--nocompilation_cache", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def train_flags(settings: Settings) -> list[str]:
    """Return the flags with which scripts.train runs the fit of these settings, which configs/figure3.py has made."""
    names = ("data.size", "data.grey", "field.width", "field.omega", "regularizer.name", "train.steps", "mask.mode")
    values = {name: operator.attrgetter(name)(settings) for name in (*names, "mask.rate", "mask.seed", "seed")}
    return ["--config=configs/base.py", *(f"--config.{name}={value}" for name, value in values.items())]


def one_after_another(count: int) -> dict[str, Any]:
    """Run fits one after another in this process, without batches, and return the seconds of each.

    The first fit includes the compilation of the program that all of them share.
    """
    taken = []
    for settings, problem in members(count, 0):
        start = time.perf_counter()
        metrics.summarize(fit.solve(problem, settings), problem.truth, problem.operator.mask)
        taken.append(time.perf_counter() - start)
    return {"seconds": taken}


def draw(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Draw cost and memory over the number of fits in a batch, as cost.png and memory.png."""
    sizes = [float(row["size"]) for row in rows]
    ways = {"one": "vectorised, one device", "all": "vectorised, all devices", "loop": "one after another, all devices"}
    curves = {title: (sizes, [row[name]["median"] for row in rows]) for name, title in ways.items()}
    plots.lines(folder / "cost.png", {"ms of a step and fit": curves}, "fits in a batch")
    memory = {name: (sizes, [row[name] for row in rows]) for name in ("estimate", "taken")}
    plots.lines(folder / "memory.png", {"MiB, one device": memory}, "fits in a batch")


def main() -> None:
    """Measure both parts and write the report, or measure one number in a process that this one has started."""
    parser = measure.arguments("sweep", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64], help="fits in a batch")
    parser.add_argument("--steps", type=int, default=50, help="steps of a fit in a batch")
    parser.add_argument("--fits", type=int, default=300, help="fits of the one command, a multiple of 60")
    parser.add_argument("--single", type=int, default=10, help="single runs to extrapolate from")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--after_another", type=int, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.worker:
        measure.answer(Programs(flags.steps))
    elif flags.memory:
        print(json.dumps(memory_of(flags.memory, flags.steps)))
    elif flags.after_another:
        start = time.time() - psutil.Process().create_time()  # seconds of the start and the imports
        print(json.dumps({"start": start, **one_after_another(flags.after_another)}))
    else:
        devices = len(os.sched_getaffinity(0)) if jax.default_backend() == "cpu" else jax.device_count()
        rows = costs(flags.sizes, flags.rounds, flags.steps, devices)
        ways = whole(flags.fits, flags.single, 6 * flags.single)
        text = measure.table(rows, COST) + "\n\n" + measure.table(ways, WHOLE)
        text += (
            "\n\nMilliseconds of a step, divided by the number of fits; medians (quartiles). Only the seconds of the"
        )
        text += " second table include compilations."
        measure.write(flags.workdir, "sweep", {"batches": rows, "whole": ways}, text)
        draw(flags.workdir, rows)


if __name__ == "__main__":
    main()
