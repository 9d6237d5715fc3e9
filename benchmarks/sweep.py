"""Many fits at once: cost of each against the size of a batch, memory against the estimate, one command against many.

python -m benchmarks.sweep [--workdir=FOLDER] [--rounds=5] [--sizes 1 2 4 ...] [--fits=300]

Fits of configs/figure3.py, 64 x 64 and width 64. Three ways in turns: vectorised on one device, vectorised on all
virtual devices of the CPU, one after another on all of these. Then the whole config as one command, against single runs
of scripts.train and against one process that fits one after another, both extrapolated; a quarter of an hour on two
cores. Leaves sweep.json, sweep.md, cost.png and memory.png.
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
from inrr_jax.data import problem
from inrr_jax.experiments import sweep_grid
from inrr_jax.experiments.sweep_grid import SweepSettings
from inrr_jax.settings import change, from_mapping
from inrr_jax.training import fit as training
from inrr_jax.training import sweep
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
    """Return the first fits of configs/figure3.py, repeated where there are fewer, with so many steps."""
    settings = from_mapping(figure3.get_config().to_dict(), SweepSettings)
    fit = {"fit.train.steps": steps, "fit.train.chunk": steps} if steps else {}
    points = [point.settings for point in sweep_grid.expand(change(settings, fit))][:count]
    found = [Member(own, task) for own, task in zip(points, problem.load_all(points), strict=True)]
    return [found[i % len(found)] for i in range(count)]


def batch_seconds(batches: sweep.Batches, fits: list[Member]) -> float:
    """Return the seconds of a step and fit, in batches one after the other."""
    cut = range(0, len(fits), batches.count)
    outcomes = [outcome for i in cut for outcome in batches.fit(fits[i : i + batches.count], lambda steps: None)]
    return sum(outcome.seconds for outcome in outcomes) / len(fits) / fits[0].settings.train.steps


class Programs:
    """What a process keeps compiled, and times on request."""

    def __init__(self, steps: int):
        self._steps = steps
        self._known: dict[int, sweep.Batches] = {}

    def __call__(self, request: dict[str, int]) -> float:
        """Return the milliseconds of a step and fit: `size` fits, `at_once` of them on each device."""
        fits, at_once = members(request["size"], self._steps), request["at_once"]
        if at_once not in self._known:
            self._known[at_once] = sweep.Batches(sweep.groups(fits)[0], at_once, fits[0])
        return 1e3 * batch_seconds(self._known[at_once], fits)


def memory_of(size: int, steps: int) -> dict[str, float]:
    """Return the estimated and the taken MiB of one batch on one device, in this process."""
    fits = members(size, steps)
    batches = sweep.Batches(sweep.groups(fits)[0], size, fits[0])
    held = measure.reset_peak()
    batches.fit(fits, lambda done: None)
    return {"estimate": batches.bytes / 2**20, "taken": (measure.memory("VmHWM") - held) / 2**20}


def costs(sizes: list[int], rounds: int, steps: int, devices: int) -> list[dict[str, Any]]:
    """Measure every size in every way."""
    workers = {n: worker("--worker", str(n), "--steps", str(steps), devices=n) for n in (1, devices)}

    def asked(worker: measure.Worker, size: int, at_once: int):
        return lambda: worker.ask({"size": size, "at_once": at_once})

    rows = []
    for size in sizes:
        share = -(-size // devices)
        versions = {
            "one": asked(workers[1], size, size),
            "all": asked(workers[devices], size, share),
            "loop": asked(workers[devices], size, 1),
        }
        taken = measure.alternate(versions, rounds)
        memory = measure.in_process("benchmarks.sweep", "--memory", str(size), "--steps", str(steps))
        rows.append({"size": size, **{name: measure.spread(values) for name, values in taken.items()}, **memory})
        print(f"{size} fits in a batch: measured", flush=True)
    for kept in workers.values():
        kept.close()
    return rows


def worker(*flags: str, devices: int) -> measure.Worker:
    """Start a process with so many virtual devices."""
    return measure.Worker("benchmarks.sweep", *flags, environment={"JAX_NUM_CPU_DEVICES": str(devices)})


def whole(fits: int, single: int, after_another: int) -> list[dict[str, Any]]:
    """Time the first so many fits of configs/figure3.py as one command, and extrapolate the other ways."""
    points = [member.settings for member in members(fits, 0)]
    with tempfile.TemporaryDirectory() as folder:
        runs = [_seconds("scripts.train", *_flags(points[i]), f"--workdir={folder}/{i}") for i in range(single)]
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
    rest = float(np.median(loop["seconds"][1:]))
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
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", module, *flags], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _flags(settings) -> list[str]:
    """Return what makes scripts.train do this fit."""
    names = ("data.size", "data.grey", "field.width", "field.omega", "regularizer.name", "train.steps", "mask.mode")
    values = {name: operator.attrgetter(name)(settings) for name in (*names, "mask.rate", "mask.seed", "seed")}
    return ["--config=configs/base.py", *(f"--config.{name}={value}" for name, value in values.items())]


def one_after_another(count: int) -> dict[str, Any]:
    """Fit without this package's sweeps, in this process; the first fit compiles."""
    taken = []
    for settings, task in members(count, 0):
        start = time.perf_counter()
        metrics.summarize(training.solve(task.signal, settings), task.image, task.mask)
        taken.append(time.perf_counter() - start)
    return {"seconds": taken}


def draw(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Draw cost and memory over the size of a batch."""
    sizes = [float(row["size"]) for row in rows]
    ways = {"one": "vectorised, one device", "all": "vectorised, all devices", "loop": "one after another, all devices"}
    curves = {title: (sizes, [row[name]["median"] for row in rows]) for name, title in ways.items()}
    plots.lines(folder / "cost.png", {"ms of a step and fit": curves}, "fits in a batch")
    memory = {name: (sizes, [row[name] for row in rows]) for name in ("estimate", "taken")}
    plots.lines(folder / "memory.png", {"MiB, one device": memory}, "fits in a batch")


def main() -> None:
    """Measure all, or, in a process that this one started, one part."""
    parser = measure.arguments("sweep", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--steps", type=int, default=50, help="of a measured batch")
    parser.add_argument("--fits", type=int, default=300, help="of the one command, a multiple of 60")
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
        start = time.time() - psutil.Process().create_time()
        print(json.dumps({"start": start, **one_after_another(flags.after_another)}))
    else:
        devices = len(os.sched_getaffinity(0)) if jax.default_backend() == "cpu" else jax.device_count()
        rows = costs(flags.sizes, flags.rounds, flags.steps, devices)
        ways = whole(flags.fits, flags.single, 6 * flags.single)
        text = measure.table(rows, COST) + "\n\n" + measure.table(ways, WHOLE)
        text += "\n\nMilliseconds of a step, divided by the fits; medians (quartiles). Compilation counts in the second"
        text += " table alone."
        measure.leave(flags.workdir, "sweep", {"batches": rows, "whole": ways}, text)
        draw(flags.workdir, rows)


if __name__ == "__main__":
    main()
