"""Recover every picture under every mask by every method, and leave tables and figures of who is ahead.

python -m scripts.compare --config=configs/compare.py [--config.images=a,b.png] [--config.masks=text:0.125,m.png]
    [--config.methods=harmonic,siren+inrr] [--config.seeds=3] [--workdir=FOLDER]
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from inrr_jax import numerics
from inrr_jax.data import images
from inrr_jax.errors import UserError
from inrr_jax.experiments import comparison, tables
from inrr_jax.experiments.comparison import ComparisonSettings, Filling, Fit, Task, Trial
from inrr_jax.experiments.tables import Case
from inrr_jax.io import workdir, writers
from inrr_jax.io.results import Results
from inrr_jax.settings import change, from_mapping
from inrr_jax.training import sweep
from inrr_jax.types import Row
from scripts import cli
from scripts.progress import Progress

IN_PARTS = ("images", "masks", "methods", "seeds", "at_once", "devices")
"""Settings that commands for one folder may differ in: its tables hold the rows of all."""


def main(config: ConfigDict, folder: Path | None) -> None:
    """Do what the folder lacks of the comparison that the config describes."""
    settings = from_mapping(config.to_dict(), ComparisonSettings)
    cli.split_cpu(settings.devices)
    if settings.fit.field.precision == "auto":
        settings = change(settings, {"fit.field.precision": numerics.best_precision()})
    folder = folder or cli.default_workdir()
    wanted, tasks = comparison.names(settings), comparison.tasks(settings)
    fixed = {name: value for name, value in dataclasses.asdict(settings).items() if name not in IN_PARTS}
    workdir.claim(folder, fixed, "")
    table = Comparison(settings, folder, wanted, tasks)
    try:
        table.finish()
    except KeyboardInterrupt:
        table.write()
        raise cli.Interrupted(f"stopped: {folder} keeps what is finished; {cli.GO_ON}") from None
    print(tables.summary(table.rows))
    print(f"\nleft in {folder}: results.csv, results.md, gains.png, and a picture per image and mask")


Job = Filling | Trial | Fit


class Comparison:
    """A comparison with its work directory."""

    def __init__(self, settings: ComparisonSettings, folder: Path, wanted: Sequence[str], tasks: Sequence[Task]):
        """Read what the folder holds.

        Args:
            settings: of the comparison.
            folder: its own.
            wanted: names of the methods.
            tasks: the pictures under their masks.
        """
        self._settings, self._folder, self._wanted, self._tasks = settings, folder, wanted, tasks
        (folder / "selection").mkdir(exist_ok=True)
        self._results = Results(folder, comparison.KEYS)
        self._trials = Results(folder / "selection", comparison.TRIAL_KEYS)

    @property
    def rows(self) -> list[Row]:
        """All that is finished."""
        return self._results.rows

    def finish(self) -> None:
        """Run what is not finished, and leave the tables and figures.

        Raises:
            UserError: a finished row is that of other settings, or of files with other contents.
        """
        fillings = comparison.fillings(self._tasks, self._wanted)
        trials = comparison.trials(self._settings, self._tasks, self._wanted)
        fits = self._fits()
        done = {*self._done(trials, self._trials), *(len(trials) + i for i in self._done(fits, self._results))}
        shared = _shared([*trials, *fits]).values()
        finished = sum(done >= {*indices} for indices in shared)
        print(
            f"{len(self._tasks)} cases, {len(self._wanted)} methods: {len(fillings)} fills and {len(shared)} fits, of"
            f" which {len(trials)} choose settings; {finished} fits are finished",
            flush=True,
        )
        self._fill(fillings)
        steps = self._settings.fit.train.steps
        with cli.Stopping() as stop, Progress(len(shared) * steps, finished * steps) as progress:

            def watch(taken: int) -> None:
                progress.advance(taken)
                stop.check()

            self._run(trials, self._trials, watch)
            self._run(self._fits(), self._results, watch)
        self.write()
        self._draw()

    def write(self) -> None:
        """Write the tables of what is finished."""
        self._results.write_csv()
        writers.write_atomically(self._folder / "results.md", self._head() + tables.write(self.rows))

    def _fits(self) -> list[Fit]:
        """List the fits that count, with the settings that the finished trials choose."""
        return comparison.fits(self._settings, self._tasks, self._wanted, self._trials.rows)

    def _fill(self, fillings: Sequence[Filling]) -> None:
        done = self._done(fillings, self._results)
        for i, filling in enumerate(fillings):
            if i not in done:
                start = time.perf_counter()
                recovered = filling.recover()
                seconds = time.perf_counter() - start
                images.save(self._picture(filling.task.case, filling.name), recovered)
                self._results.add([filling.row(recovered, seconds)])
                image, mask = filling.task.case
                print(f"fill {i + 1}/{len(fillings)}: {image}, {mask}, {filling.name}, {seconds:.1f} s", flush=True)

    def _run(self, jobs: Sequence[Trial] | Sequence[Fit], results: Results, watch: Callable[[int], None]) -> None:
        """Run the fits that have no row yet; they have one as soon as their batch ends."""
        done = self._done(jobs, results)
        if len(done) == len(jobs):
            return
        shared = list(_shared(jobs).values())
        fitted = sweep.run(
            [jobs[indices[0]].member for indices in shared],
            at_once=self._settings.at_once,
            done={n: done[indices[0]]["at_once"] for n, indices in enumerate(shared) if done.keys() >= {*indices}},
            tell=lambda line: print(line, flush=True),
            watch=watch,
        )
        for n, outcome in fitted:
            for index in [index for index in shared[n] if index not in done]:
                job = jobs[index]
                finished = job.finish(outcome)
                if isinstance(job, Fit) and job.seed == self._settings.fit.seed:
                    images.save(self._picture(job.task.case, job.name), finished.recovered)
                results.add([job.row(finished)])

    def _done(self, jobs: Sequence[Job], results: Results) -> dict[int, Row]:
        """Return the rows of the jobs that have one, by index.

        Raises:
            UserError: a row is that of other settings, or of files with other contents.
        """
        known = {tuple(row[name] for name in jobs[0].key): row for row in results.rows} if jobs else {}
        found = {i: known[tuple(job.key.values())] for i, job in enumerate(jobs) if tuple(job.key.values()) in known}
        for i, row in found.items():
            if row["digest"] != jobs[i].digest:
                where = ", ".join(str(value) for value in jobs[i].key.values() if value is not None)
                raise UserError(
                    f"{self._folder} holds {where} of another picture, mask or version of the method: give another"
                    " --workdir, or remove this one"
                )
        return found

    def _picture(self, case: Case, name: str) -> Path:
        """Return where the recovery is kept that a figure shows."""
        folder = self._folder / "recoveries" / case.image / _file_name(case.mask)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{_file_name(name)}.png"

    def _draw(self) -> None:
        """Draw the recoveries of the first seed side by side, and by how much each method is ahead."""
        from inrr_jax import plots  # matplotlib takes its time to load

        psnr = tables.scores(self.rows)
        for task in self._tasks:
            recovered = {}
            for name in self._wanted:
                if (path := self._picture(task.case, name)).exists():
                    title = f"{name}\n{tables.spread(psnr[task.case][name])} dB"
                    recovered[title] = images.load(str(path))
            path = self._folder / f"{task.case.image}-{_file_name(task.case.mask)}.png"
            plots.side_by_side(path, task.problem.image, task.problem.mask, recovered)
        names = tables.methods(self.rows)
        panels = {
            mask: {name: np.array(list(tables.gains(own, name).values())) for name in names if tables.gains(own, name)}
            for mask, own in tables.by_masks(psnr).items()
        }
        if any(panels.values()):
            plots.gains(self._folder / "gains.png", panels, "the best classical fill")

    def _head(self) -> str:
        """Say what the tables rest on."""
        train, share = self._settings.fit.train, self._settings.share
        return (
            f"# Comparison\n\nBudget of a fit: {train.steps} steps of {train.fibers} rows and {train.fibers} columns."
            f" Settings are chosen on {100 * share:g} % of the observed pixels, held out, with the first seed. The wall"
            " time of a batch is divided by its fits. PSNR in dB and NMAE are those of the missing pixels, SSIM that of"
            " the whole picture with the observed pixels put back; mean ± standard deviation over seeds. Gains are over"
            " the best classical fill of each case, WNLL not among these.\n\n"
        )


def _shared(jobs: Sequence[Trial] | Sequence[Fit] | Sequence[Trial | Fit]) -> dict[tuple, list[int]]:
    """Gather the jobs that one fit serves."""
    found: dict[tuple, list[int]] = {}
    for index, job in enumerate(jobs):
        found.setdefault(job.fitted, []).append(index)
    return found


def _file_name(name: str) -> str:
    return name.replace(":", "-").replace("/", "-kriged-")


if __name__ == "__main__":
    cli.run(main)
