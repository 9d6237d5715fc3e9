"""Where the seconds of the main job go, from process start.

python -m benchmarks.start [--workdir=FOLDER] [--rounds=3] [--config=VARIANT]

Each round is a fresh process that does what `scripts.train` does, step by step; about a minute and a half on two
cores. Leaves start.json, start.md and start.png.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks import measure

COLUMNS = {"phase": "{phase}", "seconds": "{median:.2f} ({low:.2f}-{high:.2f})", "processor seconds": "{cpu:.2f}"}


class Laps:
    """Seconds, on the wall and of the processor, since the lap before."""

    def __init__(self):
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._wall, self._cpu = psutil.Process().create_time(), 0.0

    def lap(self, name: str) -> None:
        """End a lap."""
        wall, cpu = time.time(), time.process_time()
        self.wall[name], self.cpu[name] = wall - self._wall, cpu - self._cpu
        self._wall, self._cpu = wall, cpu


def profile(variant: str, folder: Path) -> dict[str, Any]:
    """Do the main job once in this process, in laps."""
    laps = Laps()
    import jax

    laps.lap("import jax (and what measures)")
    from configs import baboon
    from scripts import train as job

    laps.lap("other imports")
    training, metrics = job.training, job.metrics
    settings = job.from_mapping(baboon.get_config(variant).to_dict())
    task = job.problem.load(settings)
    signal = jax.block_until_ready(task.signal)
    laps.lap("picture and mask")
    state, knobs, key = jax.block_until_ready(training.start(signal, settings))
    checkpoints = job.Checkpoints(folder / "checkpoints")
    laps.lap("first parameters")
    length, shape = settings.train.chunk, training.program(settings)
    traced = training.fit_chunk.lower(state, signal, knobs, key, settings=shape, length=length)
    laps.lap("tracing")
    program = traced.compile()
    laps.lap("compilation")
    for _ in range(settings.train.steps // length):
        state, _ = jax.block_until_ready(program(state, signal, knobs, key))
    laps.lap("steps")
    for name in ("first evaluation", "another evaluation"):
        recovered = training.recover(state.params["field"], knobs.omega, task.image.shape, settings)
        metrics.summarize(recovered, task.image, task.mask)
        laps.lap(name)
    for name in ("first checkpoint", "another checkpoint"):
        checkpoints.save(state._replace(step=state.step + (name[0] == "a")), 0.0)
        laps.lap(name)
    job.harmonic(task.image, task.mask)
    laps.lap("harmonic fill")
    _draw(job, settings, task, state, recovered, folder)
    laps.lap("pictures and figure")
    checkpoints.close()
    laps.lap("closing the checkpoints")
    return {"wall": laps.wall, "cpu": laps.cpu}


def _draw(job, settings, task, state, recovered, folder: Path) -> None:
    from inrr_jax import plots

    matrices = job.training.laplacians(state.params, task.mask.shape, settings)
    job.images.save(folder / "reconstruction.png", job.metrics.paste(recovered, task.image, task.mask))
    matrices = job.jax.tree.map(job.np.asarray, matrices)
    picture = job.np.asarray(recovered)
    plots.comparison(folder / "comparison.png", task.image, task.mask, picture, matrices, [], has_truth=True)


def run(rounds: int, variant: str) -> list[dict[str, Any]]:
    """Profile fresh processes and return a row per phase, and one for all."""
    runs = [measure.in_process("benchmarks.start", "--alone", f"--config={variant}") for _ in range(rounds)]
    for result in runs:
        for kind in ("wall", "cpu"):
            result[kind]["all"] = sum(result[kind].values())
    return [
        {
            "phase": name,
            **measure.spread([result["wall"][name] for result in runs]),
            "cpu": measure.spread([result["cpu"][name] for result in runs])["median"],
        }
        for name in runs[0]["wall"]
    ]


def main() -> None:
    """Profile the main job, or, in a process that this one started, do it once."""
    parser = measure.arguments("start", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="processes")
    parser.add_argument("--config", default="", help="variant of configs/baboon.py")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.alone:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(profile(flags.config, Path(folder))))
        return
    rows = run(flags.rounds, flags.config)
    text = measure.table(rows, COLUMNS) + f"\n\nMedians of {flags.rounds} processes (quartiles)."
    measure.leave(flags.workdir, "start", {"rows": rows}, text)
    from inrr_jax import plots

    plots.bars(flags.workdir / "start.png", {"seconds": {row["phase"]: row for row in rows}})


if __name__ == "__main__":
    main()
