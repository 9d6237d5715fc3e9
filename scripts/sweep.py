"""Fit a base config at every point of a grid of settings, many fits at a time.

inrr-jax sweep --config=sweep_missing_rate [--config.NAME=VALUE ...] [--workdir=FOLDER]
    [--distributed]
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags, logging
from ml_collections import ConfigDict

from inrr_jax import metrics
from inrr_jax.data import images, loading
from inrr_jax.errors import UserError
from inrr_jax.experiments import runner, summary, sweep_grid
from inrr_jax.experiments.sweep_grid import Point, SweepSettings
from inrr_jax.io import workdir, writers
from inrr_jax.io.results import Results
from inrr_jax.numerics import best_precision
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes.shared import SharedRecipe
from inrr_jax.training import ensemble
from inrr_jax.training.fit import check_size
from inrr_jax.training.sweep import Member, Outcome, Recipe
from inrr_jax.types import Row

from . import cli
from .progress import Progress

COLUMNS = {
    **dict.fromkeys(metrics.NAMES, float | int | None),
    "seconds": float | int,
    "at_once": int,
    "error": str,
    "digest": str,
}
"""Columns that every row must have besides the settings that vary, with their types."""
DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "Join the processes of several hosts: jax.distributed.initialize()."
)


def main(config: ConfigDict, folder: Path | None) -> None:
    """Run all fits of the sweep that the folder does not hold yet, and write its tables and figures."""
    settings = cli.settings(config, SweepSettings)
    cli.split_cpu(settings.devices)
    if DISTRIBUTED.value:
        _join()
    if settings.fit.field.precision == "auto":
        settings = change(settings, {"fit.field.precision": best_precision()})
    jobs = _jobs(sweep_grid.expand(settings))
    if jax.process_index():  # only the first process writes; the others take part in the computation
        _run(jobs, None, settings, lambda steps: None)
        return
    folder = folder or cli.default_workdir()
    workdir.claim(folder, _identity(settings), _digest([job.problem for job in jobs]))
    swept = Sweep(settings, jobs, folder)
    try:
        swept.finish()
    except KeyboardInterrupt:
        swept.results.write_csv()
        raise cli.Interrupted(
            f"stopped: {folder} keeps {len(swept.results.rows)} of {len(jobs)} fits; {cli.RESUME}"
        ) from None
    print(swept.write())
    print(f"written to {folder}: results.csv, results.jsonl, statistics.csv, report.md and figures")


def _join() -> None:
    """Join the processes of the other hosts.

    Raises:
        UserError: there are none.
    """
    try:
        jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"--distributed: {reason} Start one process on each host of a cluster that JAX knows (SLURM, Open MPI, TPU"
            " pods), or set JAX_COORDINATOR_ADDRESS, or leave the flag out on one host"
        ) from None


class Job(NamedTuple):
    """The job of fitting at one point of the grid."""

    point: Point
    problem: Problem

    @property
    def key(self) -> Row:
        """The values of the settings that vary."""
        return self.point.place

    @property
    def digest(self) -> str:
        """Identifies the picture and the mask."""
        return self.problem.digest

    @property
    def member(self) -> Member:
        """The fit."""
        return Member(self.point.settings, self.problem)

    @property
    def fit_key(self) -> tuple:
        """Identifies the fit, which no other job shares."""
        return tuple(self.key.items())

    def finish(self, outcome: Outcome, recipe: Recipe) -> Outcome:
        """Return the outcome, which the recipe has finished already."""
        return outcome

    def row(self, outcome: Outcome) -> Row:
        """Return the row, with the scores of the recovery."""
        about = {"seconds": outcome.seconds, "at_once": outcome.at_once, "error": outcome.error}
        scores = metrics.score(outcome.recovered, self.problem)
        return {**self.key, **about, **scores, "digest": self.digest}


def _jobs(points: Sequence[Point]) -> list[Job]:
    problems = loading.load_all([(point.settings.data, point.settings.mask) for point in points])
    for point, problem in zip(points, problems, strict=True):
        check_size(problem.domain, point.settings)
    return [Job(point, problem) for point, problem in zip(points, problems, strict=True)]


def _identity(settings: SweepSettings) -> dict[str, Any]:
    """Return the settings that runs in one folder must share; devices, batches and figures may differ."""
    whole = {"axes": settings.axes, "combine": settings.combine, "ensemble": settings.ensemble}
    return {"fit": to_mapping(settings.fit), **whole}


def _digest(problems: Sequence[Problem]) -> str:
    return hashlib.sha256("".join(problem.digest for problem in problems).encode()).hexdigest()[:16]


def _run(jobs: Sequence[Job], results: Results | None, settings: SweepSettings, on_progress, **options) -> None:
    log = cli.log if results else (lambda line: None)
    runner.run_fits(
        jobs,
        results,
        at_once=settings.at_once,
        recipe=SharedRecipe(log),
        log=log,
        on_progress=on_progress,
        **options,
    )


class Sweep:
    """A sweep with its work directory."""

    def __init__(self, settings: SweepSettings, jobs: Sequence[Job], folder: Path):
        """Read the rows that the folder holds."""
        self._settings, self._jobs, self._folder = settings, jobs, folder
        self.results = Results(folder, settings.names, COLUMNS)
        if settings.ensemble:
            (folder / "recovered").mkdir(exist_ok=True)
            self.results.drop([row for row in self.results.rows if not self._readable(row["seed"])])

    def finish(self) -> None:
        """Run the fits that have no row yet; each has its row as soon as its batch ends."""
        done = runner.finished(self._jobs, self.results)
        if len(done) == len(self._jobs):
            print(f"{self._folder} holds this sweep, finished; remove the folder to start over")
            return
        steps = np.array([job.point.settings.train.steps for job in self._jobs])
        with cli.Stopping() as stop, Progress(int(steps.sum()), int(steps[[*done]].sum())) as progress:

            def on_progress(taken: int) -> None:
                progress.advance(taken)
                stop.check()

            _run(self._jobs, self.results, self._settings, on_progress, on_finished=self._keep)

    def write(self) -> str:
        """Write tables and figures of all rows, and return the report."""
        from inrr_jax.plots import sweeps  # matplotlib takes half a second to import

        rows = list(runner.finished(self._jobs, self.results).values())
        self.results.write_csv()
        writers.write_atomically(self._folder / "statistics.csv", summary.statistics(self._settings, rows))
        text = summary.report(self._settings, rows)
        writers.write_atomically(self._folder / "report.md", text)
        tables = summary.tabulate(self._settings, rows)
        if tables[0].names[1]:
            sweeps.curves(self._folder / "curves.png", tables)
        if tables[0].names[0]:
            sweeps.heat(self._folder / "heat.png", tables)
        return text + self._write_ensemble(rows) if self._settings.ensemble else text

    def _write_ensemble(self, rows: Sequence[Row]) -> str:
        """Write mean, deviation and calibration of the initialisations, and return a summary.

        Raises:
            UserError: fewer than two fits did not diverge.
        """
        from inrr_jax.plots import ensembles

        fine = [row for row in rows if not row["error"]]
        if len(fine) < 2:
            raise UserError(
                "fewer than two fits did not diverge, too few for an ensemble: lower the rates or the weight"
            )
        problem = self._jobs[0].problem
        mask, truth = problem.operator.mask, problem.truth
        recovered = np.stack([np.load(self._recovery(row["seed"])) for row in fine])
        mean, deviation = recovered.mean(axis=0), ensemble.deviation(recovered)
        images.save(self._folder / "mean.png", metrics.paste(mean, problem.measurements, mask))
        np.savez(self._folder / "ensemble.npz", mean=mean, deviation=deviation)
        calibration = None if truth is None else ensemble.calibrate(recovered, truth, mask)
        shown = problem.measurements if truth is None else truth
        ensembles.maps(self._folder / "ensemble.png", shown, mask, mean, deviation, calibration)
        if calibration is None:
            return "\nwritten: mean.png, ensemble.png, ensemble.npz\n"
        scores = metrics.score(mean, problem)
        members = {name: float(np.mean([row[name] for row in fine])) for name in scores}
        content = {"mean": scores, "members": members, "calibration": calibration._asdict()}
        content["calibration"] |= {"deviation": calibration.deviation.tolist(), "error": calibration.error.tolist()}
        writers.write_json(self._folder / "ensemble.json", content)
        ratio = calibration.error / calibration.deviation
        return (
            f"\nPSNR on missing pixels: {scores['psnr_missing']:.2f} dB of the mean of {len(fine)} fits,"
            f" {members['psnr_missing']:.2f} dB of a single fit on average. Deviation and absolute error correlate with"
            f" {calibration.correlation:.2f} (Spearman), and the error is {ratio.min():.1f} to {ratio.max():.1f} times"
            " the deviation.\n"
        )

    def _recovery(self, seed: int) -> Path:
        return self._folder / "recovered" / f"{seed}.npy"

    def _readable(self, seed: int) -> bool:
        """Return whether the recovery of a member can be read; warn if it cannot, because it will be fitted again."""
        domain = self._jobs[0].problem.domain
        try:
            found = np.load(self._recovery(seed), allow_pickle=False)
            sound = found.shape == (*domain.shape, domain.channels) and found.dtype == np.float32
            reason = f"it is {found.dtype} of shape {found.shape}"
        except (OSError, ValueError, EOFError) as error:
            sound, reason = False, " ".join(str(error).split())
        if not sound:
            logging.warning("%s is damaged (%s): fitting again", self._recovery(seed), reason)
        return sound

    def _keep(self, job: Job, outcome: Outcome) -> None:
        """Save the recovery of an ensemble's member before its row marks it as finished."""
        if self._settings.ensemble:
            np.save(self._recovery(job.point.settings.seed), outcome.recovered)


if __name__ == "__main__":
    cli.run(main)
