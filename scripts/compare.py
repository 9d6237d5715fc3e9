"""Recover every signal under every mask by every method, and write tables and figures of the results.

inrr-jax compare --config=compare [--config.signals=a,b.png] [--config.masks=text:0.125,m.png]
    [--config.methods=harmonic,siren+inrr] [--config.seeds=3] [--workdir=FOLDER]
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from inrr_jax.data import images
from inrr_jax.experiments import comparison, runner, tables
from inrr_jax.experiments.comparison import ComparisonSettings, Filling, Fit, Task, Trial
from inrr_jax.experiments.methods import Name
from inrr_jax.experiments.tables import Case
from inrr_jax.io import workdir, writers
from inrr_jax.io.results import Results
from inrr_jax.numerics import best_precision
from inrr_jax.options import change
from inrr_jax.recipes.shared import SharedRecipe
from inrr_jax.training.sweep import Outcome
from inrr_jax.types import Row

from . import cli
from .progress import Progress

IN_PARTS = ("signals", "masks", "folder", "methods", "seeds", "at_once", "devices")
"""Settings in which commands for one folder may differ: its tables hold the rows of all commands."""


def main(config: ConfigDict, folder: Path | None) -> None:
    """Run all jobs of the comparison that the folder does not hold yet, and write tables and figures."""
    settings = cli.settings(config, ComparisonSettings)
    cli.split_cpu(settings.devices)
    if settings.fit.field.precision == "auto":
        settings = change(settings, {"fit.field.precision": best_precision()})
    folder = folder or cli.default_workdir()
    wanted, tasks = comparison.names(settings), comparison.tasks(settings)
    fixed = {name: value for name, value in dataclasses.asdict(settings).items() if name not in IN_PARTS}
    workdir.claim(folder, fixed, "")
    table = Comparison(settings, folder, wanted, tasks)
    try:
        table.finish()
    except KeyboardInterrupt:
        table.write()
        raise cli.Interrupted(f"stopped: {folder} keeps what is finished; {cli.RESUME}") from None
    print(tables.summary(table.rows))
    print(f"\nwritten to {folder}: results.csv, results.md, gains.png, and a picture per signal and mask")


class Comparison:
    """A comparison with its work directory."""

    def __init__(
        self, settings: ComparisonSettings, folder: Path, wanted: dict[str, Name | None], tasks: Sequence[Task]
    ):
        """Read the rows that the folder holds.

        Args:
            settings: of the comparison.
            folder: the work directory, claimed for this comparison.
            wanted: the methods by name.
            tasks: the signals under their masks.
        """
        self._settings, self._folder, self._wanted, self._tasks = settings, folder, wanted, tasks
        (folder / "selection").mkdir(exist_ok=True)
        self._results = Results(folder, comparison.KEYS, comparison.columns(settings))
        self._trials = Results(folder / "selection", comparison.TRIAL_KEYS, comparison.TRIAL_COLUMNS)
        # One recipe for all fits: stacks and blend weights are computed once per signal and mask.
        self._recipe = SharedRecipe(cli.log)

    @property
    def rows(self) -> list[Row]:
        """All finished rows."""
        return self._results.rows

    def finish(self) -> None:
        """Run the jobs that have no row yet, and write the tables and figures.

        Raises:
            UserError: a row belongs to other settings, or to files with other contents.
        """
        fillings, refusals = comparison.fillings(self._tasks, self._wanted)
        for line in refusals:
            cli.log(line)
        trials = comparison.trials(self._settings, self._tasks, self._wanted)
        fits = self._fits()
        done = {
            *runner.finished(trials, self._trials),
            *(len(trials) + i for i in runner.finished(fits, self._results)),
        }
        shared = runner.shared_fits([*trials, *fits]).values()
        finished = sum(done >= {*indices} for indices in shared)
        cli.log(
            f"{len(self._tasks)} cases, {len(self._wanted)} methods: {len(fillings)} fills and {len(shared)} fits, of"
            f" which {len(trials)} choose settings; {finished} fits are finished"
        )
        self._fill(fillings)
        steps = self._settings.fit.train.steps
        with cli.Stopping() as stop, Progress(len(shared) * steps, finished * steps) as progress:

            def on_progress(taken: int) -> None:
                progress.advance(taken)
                stop.check()

            self._run(trials, self._trials, on_progress)
            # The list of fits is made again, because it depends on what the trials have chosen.
            self._run(self._fits(), self._results, on_progress)
        self.write()
        self._draw()

    def write(self) -> None:
        """Write the tables of all finished rows."""
        self._results.write_csv()
        writers.write_atomically(self._folder / "results.md", self._head() + tables.to_markdown(self.rows))

    def _fits(self) -> list[Fit]:
        return comparison.fits(self._settings, self._tasks, self._wanted, self._trials.rows)

    def _fill(self, fillings: Sequence[Filling]) -> None:
        done = runner.finished(fillings, self._results)
        for i, filling in enumerate(fillings):
            if i not in done:
                start = time.perf_counter()
                recovered = filling.recover()
                seconds = time.perf_counter() - start
                self._save(filling.task, filling.name, recovered)
                self._results.add([filling.row(recovered, seconds)])
                signal, mask = filling.task.case
                cli.log(f"fill {i + 1}/{len(fillings)}: {signal}, {mask}, {filling.name}, {seconds:.1f} s")

    def _run(self, jobs: Sequence[Trial] | Sequence[Fit], results: Results, on_progress: Callable[[int], None]) -> None:
        runner.run_fits(
            jobs,
            results,
            at_once=self._settings.at_once,
            recipe=self._recipe,
            log=cli.log,
            on_progress=on_progress,
            on_finished=self._keep,
        )

    def _keep(self, job: Trial | Fit, outcome: Outcome) -> None:
        """Save the first seed's recovery, which the figures show."""
        if isinstance(job, Fit) and job.seed == self._settings.fit.seed:
            self._save(job.task, job.text, outcome.recovered)

    def _save(self, task: Task, name: str, recovered: np.ndarray) -> None:
        """Save what figures show of a recovery: as a picture, and with all digits."""
        path, shown = self._shown(task.case, name), task.kind.shown(recovered, task.problem)
        images.save(path.with_suffix(".png"), shown)
        np.save(path, shown.astype(np.float16))  # its step, 0.0005 near 1, is below every error that a figure shows

    def _shown(self, case: Case, name: str) -> Path:
        """Return the path of a method's recovery."""
        folder = self._folder / "recoveries" / case.signal / _file_name(case.mask)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{_file_name(name)}.npy"

    def _draw(self) -> None:
        """Draw the recoveries of the first seed side by side, and each method's gains over the best classical fill."""
        from inrr_jax import plots  # matplotlib takes half a second to import

        psnr = tables.scores(self.rows)
        for task in self._tasks:
            recovered = {}
            for name in self._wanted:
                if (path := self._shown(task.case, name)).exists():
                    title = f"{name}\n{tables.format_mean(psnr[task.case][name])} dB"
                    recovered[title] = np.load(path).astype(np.float32)
            path = self._folder / f"{task.case.signal}-{_file_name(task.case.mask)}.png"
            known = task.problem.measurements if task.problem.truth is None else task.problem.truth
            mask, shown = np.asarray(task.problem.operator.mask), task.kind.shown
            plots.side_by_side(path, shown(np.asarray(known), task.problem), shown(mask, task.problem), recovered)
        names = tables.methods(self.rows)
        panels = {
            mask: {name: np.array(list(tables.gains(own, name).values())) for name in names if tables.gains(own, name)}
            for mask, own in tables.by_masks(psnr).items()
        }
        if any(panels.values()):
            plots.gains(self._folder / "gains.png", panels, "the best classical fill")

    def _head(self) -> str:
        """Return the conditions under which the tables were made."""
        train = self._settings.fit.train
        return (
            f"# Comparison\n\nBudget of a fit: {train.steps} steps of {train.fibers} fibers along each axis, or of the"
            " whole grid for fields that evaluate it at once. Settings are chosen by held-out observed entries, with"
            " the first seed. Seconds are those of a batch divided by its fits, without compilation, plus those of all"
            " that the fit needs before and after it. PSNR in dB, NMAE and RMSE are those of the missing entries, SSIM"
            " that of the whole picture with the observed pixels pasted; mean ± standard deviation over seeds. Gains"
            " are over the best classical fill of each case.\n\n"
        )


def _file_name(name: str) -> str:
    return name.replace(":", "-").replace("/", "-corrected-")


if __name__ == "__main__":
    cli.run(main)
