"""The runner of all experiments: jobs with keys, one row per finished job, and one rule for resuming.

An experiment is a list of jobs. A finished job has a row in the folder's results, identified by the job's key columns.
A job whose row exists is not run again, and a row of a job with other settings or data is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from inrr_jax import devices
from inrr_jax.errors import UserError
from inrr_jax.io.results import Results
from inrr_jax.training import sweep
from inrr_jax.training.sweep import Member, Outcome, Recipe
from inrr_jax.types import Row


@runtime_checkable
class Job(Protocol):
    """A unit of work with one row."""

    @property
    def key(self) -> Row:
        """The key columns of its row."""

    @property
    def digest(self) -> str:
        """A hash of all that the row depends on besides the key."""


@runtime_checkable
class FitJob(Job, Protocol):
    """A job that needs a fit, which it may share with other jobs."""

    @property
    def member(self) -> Member:
        """The fit."""

    @property
    def fit_key(self) -> tuple:
        """Equal for jobs that share the fit."""

    def finish(self, outcome: Outcome, recipe: Recipe) -> Outcome:
        """Return the job's own outcome from that of the fit."""

    def row(self, outcome: Outcome) -> Row:
        """Return the row, with the columns of the key, `at_once` and `digest`."""


AnyFitJob = TypeVar("AnyFitJob", bound=FitJob)


def finished(jobs: Sequence[Job], results: Results) -> dict[int, Row]:
    """Return the rows of the jobs that have one, by the job's index.

    Raises:
        UserError: a row belongs to a job with other settings or data.
    """
    found, stale = known(jobs, results)
    if stale:
        where = ", ".join(str(value) for value in jobs[stale[0]].key.values() if value is not None)
        raise UserError(
            f"{results.folder} holds {where} of other data or of another version of the method: give another"
            " --workdir, or remove this one"
        )
    return found


def known(jobs: Sequence[Job], results: Results) -> tuple[dict[int, Row], list[int]]:
    """Return the rows of the jobs that have one, by the job's index, and the jobs whose row has another digest."""
    if not jobs:
        return {}, []
    columns = tuple(jobs[0].key)
    rows = {_identity(row, columns): row for row in results.rows}
    found = {i: rows[place] for i, job in enumerate(jobs) if (place := _identity(job.key, columns)) in rows}
    stale = [i for i, row in found.items() if row.get("digest") != jobs[i].digest]
    return {i: row for i, row in found.items() if i not in stale}, stale


def shared_fits(jobs: Sequence[FitJob]) -> dict[tuple, list[int]]:
    """Group the indices of jobs that share a fit."""
    found: dict[tuple, list[int]] = {}
    for index, job in enumerate(jobs):
        found.setdefault(job.fit_key, []).append(index)
    return found


def run_fits(
    jobs: Sequence[AnyFitJob],
    results: Results | None,
    *,
    at_once: int,
    recipe: Recipe,
    log: Callable[[str], None],
    on_progress: Callable[[int], None],
    on_finished: Callable[[AnyFitJob, Outcome], None] = lambda job, outcome: None,
) -> None:
    """Run the fits of all jobs that have no row yet, and add each job's row as soon as its batch ends.

    Args:
        jobs: all jobs of the experiment.
        results: the folder's rows; None in the other processes of a computation over several hosts, which only compute.
        at_once: as `sweep.run` takes it.
        recipe: as `sweep.run` takes it.
        log: as `sweep.run` takes it.
        on_progress: as `sweep.run` takes it.
        on_finished: called with each job and its outcome before its row is added.
    """
    done = finished(jobs, results) if results else {}
    fits = list(shared_fits(jobs).values())
    # A fit is done if all jobs that share it are; the other fits of its group then use its batch size. All processes
    # have to agree on it, and only the first one knows the rows.
    sizes = np.array([_at_once(done, indices) for indices in fits], np.int32)
    agreed = {n: int(size) for n, size in enumerate(devices.agreed(sizes)) if size}
    if len(agreed) == len(fits):
        return
    members = [jobs[indices[0]].member for indices in fits]
    outcomes = sweep.run(members, at_once=at_once, done=agreed, recipe=recipe, log=log, on_progress=on_progress)
    for n, outcome in outcomes:
        if results is None:
            continue
        # Jobs that share the fit get a row each; those that have one from an earlier run keep it.
        for index in [index for index in fits[n] if index not in done]:
            own = jobs[index].finish(outcome, recipe)
            on_finished(jobs[index], own)
            results.add([jobs[index].row(own)])


def _at_once(done: Mapping[int, Row], indices: Sequence[int]) -> int:
    """Return the batch size of a fit, from the row of the first job that shares it; 0 unless all of them are done."""
    return done[indices[0]]["at_once"] if done.keys() >= {*indices} else 0


def _identity(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the key of a row; as text, so that a damaged row cannot have a key that is not hashable."""
    return tuple(repr(row[name]) for name in columns)
