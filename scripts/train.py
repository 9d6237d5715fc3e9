"""Fit one signal, and write its recovery, metrics, figures and checkpoints to a work directory.

inrr-jax train --config=baboon [--config.NAME=VALUE ...] [--workdir=FOLDER]
"""

import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil
from absl import logging
from jaxtyping import Float
from ml_collections import ConfigDict

from inrr_jax.data import loading
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.io import workdir
from inrr_jax.io.writers import MetricsWriter, read_lines, write_json
from inrr_jax.numerics import best_precision
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import pipeline
from inrr_jax.recipes.inverse import tuning
from inrr_jax.reports import Report, report_of
from inrr_jax.reports.base import Recovery
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.checkpoints import Checkpoints
from inrr_jax.training.fitted import FittedField
from inrr_jax.training.memory import check_memory
from inrr_jax.types import Info

from . import cli
from .progress import Progress


def main(config: ConfigDict, folder: Path | None) -> None:
    """Run, resume or report the fit that the config describes."""
    settings = cli.settings(config, Settings)
    folder = folder or cli.default_workdir()
    settings = _with_precision(settings, workdir.recorded(folder))
    report = report_of(settings.data.name)
    problem = loading.load(settings.data, settings.mask)
    fit.check_size(problem.domain, settings)
    check_memory(problem.domain, settings)
    workdir.claim(folder, to_mapping(settings), problem.digest)
    if result := workdir.finished(folder):
        try:
            _print_table(result, report)
        except (AttributeError, KeyError, TypeError, ValueError):
            path = folder / "result.json"
            raise UserError(f"{path} is no result of this version: remove it, and the same command writes it") from None
        print(f"{folder} holds this run, finished; remove the folder to start over")
        return
    settings = _tuned(problem, settings, folder)
    first = FirstFit(folder / "first", report)
    prepared = pipeline.prepare(problem, settings, fit_one=first, log=cli.log)
    run = Run(settings, prepared.problem, report, folder, first.seconds)
    raw = run.fit()
    result = run.finish(raw, pipeline.finish(raw, prepared, settings, log=cli.log))
    _print_table(result, report)
    print(
        f"written to {folder}: result.json, metrics.jsonl, field.npz, {', '.join(report.written(problem))}, checkpoints"
    )


def _with_precision(settings: Settings, recorded: Settings | None) -> Settings:
    """Replace the precision `auto` by that of the recorded run, or else by the faster one on this machine."""
    if settings.field.precision != "auto":
        return settings
    precision = recorded.field.precision if recorded else best_precision()
    return change(settings, {"field.precision": precision})


def _tuned(problem: Problem, settings: Settings, folder: Path) -> Settings:
    """Return the settings that tuning chooses, and record them, so that a resumed run does not choose again."""
    path = folder / "tuned.json"
    if len(tuning.candidates(settings.tune)) == 1:
        return settings
    if path.exists():
        return change(settings, {**json.loads(path.read_text()), "tune.axes": ()})
    chosen = tuning.tune(problem, settings, pipeline.solve, cli.log)
    changes = tuning.chosen(settings, chosen)
    cli.log("tune: " + " ".join(f"--config.{name}={value}" for name, value in changes.items()))
    write_json(path, changes)
    return chosen


class FirstFit:
    """Runs the fit that a field needs for its first estimate, with checkpoints in a folder of its own."""

    def __init__(self, folder: Path, report: Report):
        self._folder, self._report = folder, report
        self.seconds = 0.0
        """Seconds that earlier processes have spent on it."""

    def __call__(self, problem: Problem, settings: Settings) -> Float[np.ndarray, "*grid C"]:
        """Run or finish the fit, and return the field's values on the grid."""
        workdir.claim(self._folder, to_mapping(settings), problem.digest)
        run = Run(settings, problem, self._report, self._folder)
        self.seconds = run.seconds_before
        raw = run.fit()
        run.finish(raw, raw)
        return raw


class Run:
    """One fit with its work directory: evaluations, checkpoints, and the files that it writes."""

    def __init__(self, settings: Settings, problem: Problem, report: Report, folder: Path, seconds_before: float = 0.0):
        """Restore the newest checkpoint, or initialise the fit.

        Args:
            settings: of the fit.
            problem: with the auxiliary arrays that the fit needs.
            report: of the kind of data.
            folder: the work directory, claimed for this run.
            seconds_before: seconds that other processes have spent on the run; a checkpoint's record replaces it.
        """
        self._settings, self._problem, self._report, self._folder = settings, problem, report, folder
        self.seconds_before, self._failed = seconds_before, set()
        self._state, self._hyper, self._key = fit.init(problem, settings)
        self._checkpoints = Checkpoints(folder / "checkpoints")
        if restored := self._checkpoints.restore(self._state):
            self._state, self.seconds_before = restored
            print(f"resumed at step {int(self._state.step)} from {folder}", flush=True)
        self._writer = MetricsWriter(folder, int(self._state.step))

    def fit(self) -> Float[np.ndarray, "*grid C"]:
        """Fit to the last step and return the field's values on the grid."""
        print(self._headline(), flush=True)
        steps, done = self._settings.train.steps, int(self._state.step)
        try:
            with cli.Stopping() as stop, Progress(steps, done) as progress:
                self._steps(progress, stop)
        except (DivergedError, cli.Interrupted) as end:
            self._close()
            raise type(end)(f"{end}; {self._kept()}") from None
        return self._recover()

    def finish(self, raw: Float[np.ndarray, "*grid C"], recovered: Float[np.ndarray, "*grid C"]) -> dict[str, Any]:
        """Write the result and the pictures, and return the result.

        Args:
            raw: the field's values on the grid.
            recovered: the same after the correction, if there is one.
        """
        recovery = self._recovery(recovered)
        result = self._result(recovery, raw)
        for name in self._report.written(self._problem):
            with self._continuing(name):
                self._report.write(name, self._folder / name, recovery)
        with self._continuing("field.npz"):
            recovery.field.save(self._folder / "field.npz")
        self._close()
        self._seal(result)
        return result

    def _steps(self, progress: Progress, stop: cli.Stopping) -> None:
        chunks = fit.fit(self._state, self._problem, self._hyper, self._key, self._settings)
        train, clock, last = self._settings.train, time.perf_counter(), int(self._state.step)
        for self._state, info in chunks:
            step = int(self._state.step)
            speed = (step - last) / (time.perf_counter() - clock)
            stopping = stop.asked and step < train.steps  # read once, because the signal may come at any line
            if step // train.evaluate_every > last // train.evaluate_every or step == train.steps:
                self._evaluate(step, info, speed, progress)
            if step // train.checkpoint_every > last // train.checkpoint_every or step == train.steps or stopping:
                self._save()
            progress.update(step, speed)
            clock, last = time.perf_counter(), step
            if stopping:
                raise cli.Interrupted(f"stopped at step {step}: {cli.RESUME}")

    def _evaluate(self, step: int, info: Info, speed: float, progress: Progress) -> None:
        scores = self._report.score(self._recover(), self._problem)
        terms = {name: float(values[-1]) for name, values in info.items()}
        progress.show(scores)
        row = {**terms, **scores, "steps_per_second": speed, "seconds": self._seconds()}
        with self._continuing("metrics.jsonl"):
            self._writer.write(step, row)

    def _save(self) -> None:
        with self._continuing("a checkpoint"):
            self._checkpoints.save(self._state, self._seconds())

    def _seal(self, result: dict[str, Any]) -> None:
        """Write the result, which marks the run as finished, if everything else has been written."""
        result["seconds"] = self._seconds()
        if not self._failed:
            with self._continuing("result.json"):
                write_json(self._folder / "result.json", result)
        if self._failed:
            _print_table(result, self._report)
            failed = ", ".join(sorted(self._failed))
            raise OSError(f"could not be written: {failed}; {self._kept()}: {cli.RESUME}")

    def _close(self) -> None:
        with self._continuing("metrics.jsonl"):
            self._writer.close()
        with self._continuing("a checkpoint"):
            self._checkpoints.close()

    def _kept(self) -> str:
        step = self._checkpoints.newest()
        return f"{self._folder} keeps {'no checkpoint' if step is None else f'the checkpoint of step {step}'}"

    def _recover(self) -> Float[np.ndarray, "*grid C"]:
        return np.asarray(fit.recover(self._state.params, self._hyper, self._problem.domain, self._settings))

    def _result(self, recovery: Recovery, raw: Float[np.ndarray, "*grid C"]) -> dict[str, Any]:
        problem, report = self._problem, self._report
        others = {"network": raw, **recovery.references}
        return {
            "seed": self._settings.seed,
            "steps": self._settings.train.steps,
            "seconds": self._seconds(),
            **report.score(recovery.values, problem),
            **report.details(recovery),
            "others": {name: report.score(values, problem) for name, values in others.items()},
        }

    def _recovery(self, recovered: Float[np.ndarray, "*grid C"]) -> Recovery:
        problem, params = self._problem, self._state.params
        matrices = jax.tree.map(np.asarray, fit.laplacians(params, problem.domain, self._settings))
        field = FittedField.of(params, problem, self._settings)
        # Rows of another shape would stop the figures.
        columns = dict.fromkeys(("loss", *self._report.names), float | int | None)
        rows = read_lines(self._folder / "metrics.jsonl", {"step": int, **columns})
        return Recovery(problem, recovered, field, matrices, rows, self._report.references(problem))

    def _seconds(self) -> float:
        """Return the seconds since the process started, plus those of earlier processes of this run."""
        return self.seconds_before + time.time() - psutil.Process().create_time()

    def _headline(self) -> str:
        domain, settings = self._problem.domain, self._settings
        size = " x ".join(map(str, (*domain.shape, domain.channels)))
        field = settings.field
        return (
            f"{settings.data.label}: {size}, {self._report.describe(self._problem)}; {field.name} {field.size},"
            f" {settings.regularizer.name}; {jax.default_backend()}, {field.precision}"
        )

    @contextlib.contextmanager
    def _continuing(self, what: str) -> Iterator[None]:
        """Warn once that something could not be written, and continue with what is in memory."""
        try:
            yield
        except OSError as error:
            if what not in self._failed:
                logging.warning("%s could not be written (%s): continuing without", what, error.strerror or error)
            self._failed.add(what)


def _print_table(result: dict[str, Any], report: Report) -> None:
    def cell(value: float | None) -> str:
        return f"{value:>15.4f}" if value is not None and math.isfinite(value) else f"{'-':>15}"

    rows = {"recovery": result, **result["others"]}
    width = max(10, *map(len, rows))
    print(f"\n{'':>{width}}" + "".join(f"{name:>15}" for name in report.names))
    for name, row in rows.items():
        print(f"{name:>{width}}" + "".join(cell(row[key]) for key in report.names))
    print(f"\n{result['steps']} steps, {result['seconds']:.1f} s from process start")


if __name__ == "__main__":
    cli.run(main)
