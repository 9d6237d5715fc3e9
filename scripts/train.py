"""Fit one picture and leave its recovery, metrics, figure and checkpoints in a work directory.

python -m scripts.train --config=configs/baboon.py [--config.NAME=VALUE ...] [--workdir=FOLDER]
"""

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil
from absl import logging
from jaxtyping import Array, Float
from ml_collections import ConfigDict

from inrr_jax import metrics, numerics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.data import images, problem
from inrr_jax.errors import DivergedError
from inrr_jax.io import workdir
from inrr_jax.io.writers import MetricsWriter, read_lines, write_json
from inrr_jax.recipes import stacking
from inrr_jax.settings import Settings, change, from_mapping, to_mapping
from inrr_jax.training import fit as training
from inrr_jax.training.checkpoints import Checkpoints
from inrr_jax.types import Info
from scripts import cli
from scripts.progress import Progress


def main(config: ConfigDict, folder: Path | None) -> None:
    """Run, resume or report the fit that the config describes."""
    settings = from_mapping(config.to_dict())
    folder = folder or cli.default_workdir()
    settings = _with_precision(settings, workdir.recorded(folder))
    task = problem.load(settings)
    workdir.claim(folder, to_mapping(settings), task.digest)
    if result := workdir.finished(folder):
        print(f"{folder} holds this run, finished; remove the folder to start over")
        _print_table(result)
        return
    before = 0.0
    if first := training.first_fit(settings):
        task, before = _first_fit(first, task, folder / "first")
    if training.needs_extension(settings):
        task = _extended(task)
    result = Run(settings, task, folder, before).finish()
    _print_table(result)
    print(f"left in {folder}: result.json, metrics.jsonl, reconstruction.png, comparison.png, checkpoints")


def _with_precision(settings: Settings, recorded: Settings | None) -> Settings:
    """Settle precision `auto`: as the recorded run has it, else what this machine gains by."""
    if settings.field.precision != "auto":
        return settings
    precision = recorded.field.precision if recorded else numerics.best_precision()
    return change(settings, {"field.precision": precision})


def _first_fit(settings: Settings, task: problem.Problem, folder: Path) -> tuple[problem.Problem, float]:
    """Run or finish the first fit in a folder of its own; return its recovery as context, and its earlier seconds."""
    workdir.claim(folder, to_mapping(settings), task.digest)
    run = Run(settings, task, folder)
    before = run.before
    run.finish()
    return task._replace(context=np.asarray(run.recover())), before


def _extended(task: problem.Problem) -> problem.Problem:
    """Continue the observed values, and say in what proportion."""
    start = time.perf_counter()
    print("extension: four fills, and the same with some observed pixels held out ...", flush=True)
    task = task._replace(extension=training.extension(task.image, task.mask))
    shares = zip(stacking.NAMES, stacking.proportion(task.image, task.mask), strict=True)
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares)
    print(f"extension: {told}; {time.perf_counter() - start:.1f} s", flush=True)
    return task


class Run:
    """A fit with its work directory: what is looked at, written and kept on the way."""

    def __init__(self, settings: Settings, task: problem.Problem, folder: Path, before: float = 0.0):
        """Restore the newest checkpoint, or start; `before` are seconds that went into it in other processes."""
        self._settings, self._task, self._folder = settings, task, folder
        self.before, self._failed = before, set()
        self._signal = task.signal
        self._state, self._knobs, self._key = training.start(self._signal, settings)
        self._checkpoints = Checkpoints(folder / "checkpoints")
        if restored := self._checkpoints.restore(self._state):
            self._state, self.before = restored
            print(f"resumed at step {int(self._state.step)} from {folder}", flush=True)
        self._writer = MetricsWriter(folder, int(self._state.step))

    def finish(self) -> dict[str, Any]:
        """Fit to the last step, write all that the run leaves, and return its result."""
        print(self._headline(), flush=True)
        steps, done = self._settings.train.steps, int(self._state.step)
        try:
            with cli.Stopping() as stop, Progress(steps, done) as progress:
                self._fit(progress, stop)
        except (DivergedError, cli.Interrupted) as end:
            self._close()
            raise type(end)(f"{end}; {self._kept()}") from None
        raw = np.asarray(self.recover())
        if self._settings.kriging == "stacked":
            print(
                "kriging: fills of what is left over, and a second fit with some observed pixels held out ...",
                flush=True,
            )
        recovered = training.finish(raw, self._task.image, self._task.mask, self._settings)
        result = self._result(recovered, raw)
        self._leave(recovered)
        self._close()
        self._seal(result)
        return result

    def _fit(self, progress: Progress, stop: cli.Stopping) -> None:
        fit = training.fit(self._state, self._signal, self._knobs, self._key, self._settings)
        train, clock, last = self._settings.train, time.perf_counter(), int(self._state.step)
        for self._state, info in fit:
            step = int(self._state.step)
            speed = (step - last) / (time.perf_counter() - clock)
            stopping = stop.asked and step < train.steps  # read once: the signal may come at any line
            if step // train.evaluate_every > last // train.evaluate_every or step == train.steps:
                self._evaluate(step, info, speed, progress)
            if step // train.checkpoint_every > last // train.checkpoint_every or step == train.steps or stopping:
                self._save()
            progress.update(step, speed)
            clock, last = time.perf_counter(), step
            if stopping:
                raise cli.Interrupted(f"stopped at step {step}: {cli.GO_ON}")

    def _evaluate(self, step: int, info: Info, speed: float, progress: Progress) -> None:
        scores = self._known(metrics.summarize(self.recover(), self._task.image, self._task.mask))
        terms = {name: float(values[-1]) for name, values in info.items()}
        progress.show(scores)
        row = {**terms, **scores, "steps_per_second": speed, "seconds": self._seconds()}
        with self._going_on("metrics.jsonl"):
            self._writer.write(step, row)

    def _save(self) -> None:
        with self._going_on("a checkpoint"):
            self._checkpoints.save(self._state, self._seconds())

    def _seal(self, result: dict[str, Any]) -> None:
        """Write the result, which marks the run as finished, if all else could be written."""
        result["seconds"] = self._seconds()
        if not self._failed:
            with self._going_on("result.json"):
                write_json(self._folder / "result.json", result)
        if self._failed:
            _print_table(result)
            failed = ", ".join(sorted(self._failed))
            raise OSError(f"could not be written: {failed}; {self._kept()}: {cli.GO_ON}")

    def _close(self) -> None:
        with self._going_on("metrics.jsonl"):
            self._writer.close()
        with self._going_on("a checkpoint"):
            self._checkpoints.close()

    def _kept(self) -> str:
        step = self._checkpoints.newest()
        return f"{self._folder} keeps {'no checkpoint' if step is None else f'the checkpoint of step {step}'}"

    def recover(self) -> Float[Array, "H W C"]:
        """Evaluate the fit on the whole grid."""
        return training.recover(self._state.params["field"], self._knobs.omega, self._task.image.shape, self._settings)

    def _result(self, recovered: Float[np.ndarray, "H W C"], raw: Float[np.ndarray, "H W C"]) -> dict[str, Any]:
        task = self._task
        others = {"network": raw, "harmonic": harmonic(task.image, task.mask)}
        return {
            "seed": self._settings.seed,
            "steps": self._settings.train.steps,
            "seconds": self._seconds(),
            **self._known(metrics.summarize(recovered, task.image, task.mask)),
            **{name: self._known(metrics.summarize(x, task.image, task.mask)) for name, x in others.items()},
        }

    def _known(self, scores: dict[str, float]) -> dict[str, float | None]:
        return metrics.hide_unknown(scores, has_truth=self._settings.data.truth)

    def _leave(self, recovered: Float[np.ndarray, "H W C"]) -> None:
        from inrr_jax import plots  # matplotlib takes its time to load

        task, folder = self._task, self._folder
        matrices = training.laplacians(self._state.params, task.mask.shape, self._settings)
        with self._going_on("reconstruction.png"):
            images.save(folder / "reconstruction.png", metrics.paste(recovered, task.image, task.mask))
        with self._going_on("comparison.png"):
            plots.comparison(
                folder / "comparison.png",
                task.image,
                task.mask,
                recovered,
                jax.tree.map(np.asarray, matrices),
                read_lines(folder / "metrics.jsonl"),
                has_truth=self._settings.data.truth,
            )

    def _seconds(self) -> float:
        """Seconds since the process started, and those of the processes that it goes on from."""
        return self.before + time.time() - psutil.Process().create_time()

    def _headline(self) -> str:
        height, width, channels = self._task.image.shape
        missing = 100 * (1 - self._task.mask.mean())
        field, regularizer = self._settings.field, self._settings.regularizer
        return (
            f"{self._settings.data.image}: {height} x {width} x {channels}, {missing:.1f} % missing; {field.name}"
            f" {field.width} x {field.depth}, {regularizer.name}; {jax.default_backend()}, {field.precision}"
        )

    @contextlib.contextmanager
    def _going_on(self, what: str) -> Iterator[None]:
        """Tell once that something could not be written, and go on with what is in memory."""
        try:
            yield
        except OSError as error:
            if what not in self._failed:
                logging.warning("%s could not be written (%s): going on without", what, error.strerror or error)
            self._failed.add(what)


def _print_table(result: dict[str, Any]) -> None:
    def cell(value: float | None) -> str:
        return f"{value:>15.4f}" if value is not None and math.isfinite(value) else f"{'-':>15}"

    print(f"\n{'':>10}" + "".join(f"{name:>15}" for name in metrics.NAMES))
    for name, row in (("recovery", result), ("network", result["network"]), ("harmonic", result["harmonic"])):
        print(f"{name:>10}" + "".join(cell(row[key]) for key in metrics.NAMES))
    print(f"\n{result['steps']} steps, {result['seconds']:.1f} s from process start")


if __name__ == "__main__":
    cli.run(main)
