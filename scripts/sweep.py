"""Fit a base config at every place on the axes that a sweep config names, many fits at a time.

python -m scripts.sweep --config=configs/sweep_missing_rate.py [--config.NAME=VALUE ...] [--workdir=FOLDER]
    [--distributed]
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from inrr_jax import devices, metrics, numerics
from inrr_jax.data import images, problem
from inrr_jax.data.problem import Problem
from inrr_jax.errors import UserError
from inrr_jax.experiments import summary, sweep_grid
from inrr_jax.experiments.sweep_grid import Point, SweepSettings
from inrr_jax.io import workdir, writers
from inrr_jax.io.results import Results
from inrr_jax.settings import change, from_mapping, to_mapping
from inrr_jax.training import ensemble, sweep
from inrr_jax.training.sweep import Member, Outcome
from inrr_jax.types import Row
from scripts import cli
from scripts.progress import Progress

DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "Join the processes of several hosts: jax.distributed.initialize()."
)


def main(config: ConfigDict, folder: Path | None) -> None:
    """Run what the folder lacks of the sweep that the config describes."""
    settings = from_mapping(config.to_dict(), SweepSettings)
    cli.split_cpu(settings.devices)
    if DISTRIBUTED.value:
        jax.distributed.initialize()
    if settings.fit.field.precision == "auto":
        settings = change(settings, {"fit.field.precision": numerics.best_precision()})
    points = sweep_grid.expand(settings)
    problems = problem.load_all([point.settings for point in points])
    if jax.process_index():  # the first process writes and tells; the others compute
        for _ in _outcomes(points, problems, settings, _none_done(points)):
            pass
        return
    folder = folder or cli.default_workdir()
    workdir.claim(folder, _identity(settings), _digest(problems))
    swept = Sweep(settings, points, problems, folder)
    try:
        swept.finish()
    except KeyboardInterrupt:
        swept.results.write_csv()
        raise cli.Interrupted(
            f"stopped: {folder} keeps {len(swept.results.rows)} of {len(points)} fits; {cli.GO_ON}"
        ) from None
    print(swept.leave())
    print(f"left in {folder}: results.csv, results.jsonl, spreads.csv, report.md and figures")


def _identity(settings: SweepSettings) -> dict[str, Any]:
    """Return what two runs of one sweep share; devices, batches and figures may differ."""
    whole = {"axes": settings.axes, "combine": settings.combine, "ensemble": settings.ensemble}
    return {"fit": to_mapping(settings.fit), **whole}


def _digest(problems: Sequence[Problem]) -> str:
    return hashlib.sha256("".join(task.digest for task in problems).encode()).hexdigest()[:16]


def _none_done(points: Sequence[Point]) -> np.ndarray:
    return np.zeros(len(points), np.int32)


def _outcomes(points, problems, settings: SweepSettings, done: np.ndarray, **options):
    """Run what is not done; `done` holds, as the first process knows them, the batch sizes of what is."""
    finished = {i: int(at_once) for i, at_once in enumerate(devices.agreed(done)) if at_once}
    members = [Member(point.settings, task) for point, task in zip(points, problems, strict=True)]
    return sweep.run(members, at_once=settings.at_once, done=finished, **options)


class Sweep:
    """A sweep with its work directory."""

    def __init__(self, settings: SweepSettings, points: Sequence[Point], problems: Sequence[Problem], folder: Path):
        """Read what the folder holds."""
        self._settings, self._points, self._problems, self._folder = settings, points, problems, folder
        self.results = Results(folder, settings.names)
        if settings.ensemble:
            (folder / "recovered").mkdir(exist_ok=True)

    def finish(self) -> None:
        """Run what is not finished; each fit has its row as soon as its batch ends."""
        known = {self._place(row): row["at_once"] for row in self.results.rows}
        done = _none_done(self._points)
        for i, point in enumerate(self._points):
            done[i] = known.get(self._place(point.place), 0)
        if len(known) == len(self._points):
            print(f"{self._folder} holds this sweep, finished; remove the folder to start over")
            return
        steps = np.array([point.settings.train.steps for point in self._points])
        with cli.Stopping() as stop, Progress(int(steps.sum()), int(steps[done > 0].sum())) as progress:

            def watch(steps: int) -> None:
                progress.advance(steps)
                stop.check()

            options = {"tell": lambda line: print(line, flush=True), "watch": watch}
            for index, outcome in _outcomes(self._points, self._problems, self._settings, done, **options):
                self._keep(index, outcome)

    def leave(self) -> str:
        """Write tables and figures of all rows, and return the report."""
        from inrr_jax.plots import sweeps  # matplotlib takes its time to load

        order = {self._place(point.place): i for i, point in enumerate(self._points)}
        rows = sorted(self.results.rows, key=lambda row: order[self._place(row)])
        self.results.write_csv()
        writers.write_atomically(self._folder / "spreads.csv", summary.spreads(self._settings, rows))
        text = summary.report(self._settings, rows)
        writers.write_atomically(self._folder / "report.md", text)
        tables = summary.tabulate(self._settings, rows)
        if tables[0].names[1]:
            sweeps.curves(self._folder / "curves.png", tables)
        if tables[0].names[0]:
            sweeps.heat(self._folder / "heat.png", tables)
        return text + self._leave_ensemble(rows) if self._settings.ensemble else text

    def _leave_ensemble(self, rows: Sequence[Row]) -> str:
        """Leave what the initialisations of one problem say together, and return it in words.

        Raises:
            UserError: fewer than two did not diverge.
        """
        from inrr_jax.plots import ensembles

        fine = [row for row in rows if not row["error"]]
        if len(fine) < 2:
            raise UserError(
                "fewer than two fits did not diverge, too few for an ensemble: lower the rates or the weight"
            )
        task = self._problems[0]
        recovered = np.stack([np.load(self._recovery(row["seed"])) for row in fine])
        mean, deviation = recovered.mean(axis=0), ensemble.deviation(recovered)
        images.save(self._folder / "mean.png", metrics.paste(mean, task.image, task.mask))
        np.savez(self._folder / "ensemble.npz", mean=mean, deviation=deviation)
        truth = self._settings.fit.data.truth
        told = ensemble.calibrate(recovered, task.image, task.mask) if truth else None
        ensembles.maps(self._folder / "ensemble.png", task.image, task.mask, mean, deviation, told)
        if told is None:
            return "\nleft: mean.png, ensemble.png, ensemble.npz\n"
        scores = metrics.summarize(mean, task.image, task.mask)
        members = {name: float(np.mean([row[name] for row in fine])) for name in scores}
        content = {"mean": scores, "members": members, "calibration": told._asdict()}
        content["calibration"] |= {"deviation": told.deviation.tolist(), "error": told.error.tolist()}
        writers.write_json(self._folder / "ensemble.json", content)
        return (
            f"\nPSNR on missing pixels: {scores['psnr_missing']:.2f} dB of the mean of {len(fine)} fits,"
            f" {members['psnr_missing']:.2f} dB of these on average. Deviation and absolute error correlate with"
            f" {told.correlation:.2f} (Spearman), and the error is {(told.error / told.deviation).min():.1f} to"
            f" {(told.error / told.deviation).max():.1f} times the deviation.\n"
        )

    def _recovery(self, seed: int) -> Path:
        return self._folder / "recovered" / f"{seed}.npy"

    def _keep(self, index: int, outcome: Outcome) -> None:
        point, task = self._points[index], self._problems[index]
        if self._settings.ensemble:
            np.save(self._recovery(point.settings.seed), outcome.recovered)
        scores = metrics.summarize(outcome.recovered, task.image, task.mask)
        known = metrics.hide_unknown(scores, has_truth=point.settings.data.truth)
        told = {"seconds": outcome.seconds, "at_once": outcome.at_once, "error": outcome.error}
        self.results.add([{**point.place, **told, **known}])

    def _place(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self._settings.names)


if __name__ == "__main__":
    cli.run(main)
