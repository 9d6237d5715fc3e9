"""The jobs of a comparison: signals under masks, fits that choose settings, fits that count, and fills.

Every method recovers the same signals under the same masks. Some of its settings are chosen by held-out observed
entries, once per signal and mask, with the first seed; all seeds then use them.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.holdout import SHARE
from inrr_jax.data import loading
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.experiments import cases, methods
from inrr_jax.experiments.kinds import Kind, kind_of
from inrr_jax.experiments.methods import Changes, Method, Name
from inrr_jax.experiments.tables import Case
from inrr_jax.options import MAX_SEED, Options, at_least, change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout
from inrr_jax.recipes.pipeline import seedless
from inrr_jax.settings import Settings
from inrr_jax.training.sweep import Member, Outcome, Recipe
from inrr_jax.types import Row

KEYS = ("signal", "mask", "method", "seed")
TRIAL_KEYS = ("signal", "mask", "method", "candidate")
TRIAL_COLUMNS = {"error": float | int | None, "at_once": int, "digest": str}
"""Columns that every row of a trial must have besides its keys, with their types."""

Values = Float[np.ndarray, "*grid C"]


@dataclass(frozen=True)
class ComparisonSettings(Options):
    """The signals, masks and methods of a comparison."""

    fit: Settings = Settings()
    """The settings that every fit starts from: its budget, the kind of data and the size of pictures, the masks' seed
    and the first seed."""
    signals: str = "baboon"
    """Names, paths or patterns of paths (*.png), separated by commas. An array may have a crop:
    indian_pines[0:72,0:72,0:100]."""
    masks: str = "text:0.125"
    """mode:rate, mode:rate:axis, mode:rate:axis:duration, the path of a mask file or a pattern of paths, separated by
    commas. In a sum (text+random:0.3, scratch.png+random:0.3) an entry is missing if it is missing in either."""
    methods: str = "harmonic,siren,siren+inrr"
    """Names as in methods.py, separated by commas."""
    seeds: int = at_least(3, 1, high=10_000)
    """Initialisations of each fit: fit.seed, fit.seed + 1, ..."""
    folder: str = ""
    """A folder to which the paths of signals and masks are relative; empty: the current one."""
    share: float = at_least(SHARE, 0.0, above=True, high=0.5)
    """Share of the observed pixels of a picture that is held out to choose a method's settings."""
    at_once: int = at_least(0, 0)
    """Fits that share a device; 0: the fastest number, by a short measurement."""
    devices: int = at_least(0, 0, high=1024)
    """Virtual devices that a CPU is divided into; 0: one for each core that this process may use."""


class Task(NamedTuple):
    """A signal under a mask, and the settings of a fit to it."""

    case: Case
    settings: Settings
    problem: Problem

    @property
    def kind(self) -> Kind:
        """What differs between kinds of data."""
        return kind_of(self.settings.data.name)


class Trial(NamedTuple):
    """The job of fitting one candidate of a method to the observed entries without the held-out ones."""

    task: Task
    method: str
    candidate: str
    member: Member
    held: Bool[np.ndarray, "*grid"]
    digest: str

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(TRIAL_KEYS, (*self.task.case, self.method, self.candidate), strict=True))

    @property
    def fit_key(self) -> tuple:
        """Identifies the fit, which no other trial shares."""
        return tuple(self.key.values())

    def finish(self, outcome: Outcome, recipe: Recipe) -> Outcome:
        """Return the outcome unchanged: corrections do not take part in the choice."""
        return outcome

    def row(self, outcome: Outcome) -> Row:
        """Return its row, with the error on the held-out entries."""
        error = holdout.error(outcome.recovered, self.task.problem.measurements, self.held)
        return {
            **self.key,
            "error": np.nan if outcome.error else error,
            "seconds": outcome.seconds,
            "at_once": outcome.at_once,
            "digest": self.digest,
        }


class Fit(NamedTuple):
    """The job of fitting a method with one seed, and with the settings that were chosen for it."""

    task: Task
    method: Method
    text: str
    """The method's name."""
    chosen: Changes
    seed: int
    digest: str

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(KEYS, (*self.task.case, self.text, self.seed), strict=True))

    @property
    def member(self) -> Member:
        """The fit, without the correction."""
        return Member(change(self.method.settings, {**self.chosen, "seed": self.seed}), self.task.problem)

    @property
    def fit_key(self) -> tuple:
        """Identifies the fit, which methods share that differ in their correction alone."""
        return (*self.task.case, self.method.name.fit, self.seed)

    def finish(self, outcome: Outcome, recipe: Recipe) -> Outcome:
        """Return the outcome with the recovery corrected as the method says."""
        if outcome.error or not self.method.name.correction:
            return outcome
        member = self.member
        settings = dataclasses.replace(member.settings, correction=self.method.name.correction)
        recovered, seconds = recipe.finish(member._replace(settings=settings), outcome.recovered)
        return outcome._replace(recovered=recovered, seconds=outcome.seconds + seconds)

    def row(self, outcome: Outcome) -> Row:
        """Return its row, with the scores of its recovery."""
        settings = self.member.settings
        return _row(
            self.key,
            self.task,
            None if outcome.error else outcome.recovered,
            field=self.method.name.field,
            regularizer=self.method.name.regularizer,
            # The first fit of INR-Z counts too, because the budget of a comparison is stated in steps.
            steps=settings.train.steps * (2 if settings.field.first_fit() else 1),
            seconds=outcome.seconds,
            chosen=format_changes(self.chosen),
            error=outcome.error,
            at_once=outcome.at_once,
            digest=self.digest,
        )


class Filling(NamedTuple):
    """The job of recovering a signal by a fill."""

    task: Task
    name: str

    @property
    def digest(self) -> str:
        """Identifies what its row depends on."""
        return self.task.problem.digest

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(KEYS, (*self.task.case, self.name, None), strict=True))

    def recover(self) -> Values:
        """Return the recovery."""
        return self.task.kind.fill(self.name, self.task.problem)

    def row(self, recovered: Values, seconds: float) -> Row:
        """Return its row, with the scores of its recovery."""
        return _row(self.key, self.task, recovered, seconds=seconds, digest=self.digest)


def columns(settings: ComparisonSettings) -> dict[str, Any]:
    """Return the columns that every row of a result must have besides its keys, with their types."""
    number = float | int | None
    scores = dict.fromkeys(kind_of(settings.fit.data.name).scores, number)
    return {**scores, "seconds": float | int, "at_once": int | None, "error": str | None, "digest": str}


def names(settings: ComparisonSettings) -> dict[str, Name | None]:
    """Return the methods by their names; None for a fill.

    Raises:
        UserError: a name is unknown, or there is none.
    """
    kind = kind_of(settings.fit.data.name)
    return {text: methods.parse_name(text, kind) for text in cases.parts("methods", settings.methods)}


def tasks(settings: ComparisonSettings) -> list[Task]:
    """Load every signal under every mask, signals first.

    Raises:
        UserError: a signal or mask cannot be loaded, two of them have the same name, there is no such folder, or the
            seeds are too large.
    """
    if settings.folder and not Path(settings.folder).is_dir():
        raise UserError(f"folder={settings.folder} is no folder: give that of the paths of signals and masks")
    if settings.fit.seed + settings.seeds - 1 > MAX_SEED:
        raise UserError(f"fit.seed={settings.fit.seed} with seeds={settings.seeds}: the last seed is above {MAX_SEED}")
    signals = cases.signals(settings.signals, settings.folder, kind_of(settings.fit.data.name))
    masks = cases.masks(settings.masks, settings.folder)
    # The mask's seed is that of fit.mask.seed for all signals: equal masks make methods comparable.
    own = {
        Case(signal, mask): change(settings.fit, {**data, **changes})
        for signal, data in signals.items()
        for mask, changes in masks.items()
    }
    problems = loading.load_all([(fit.data, fit.mask) for fit in own.values()])
    return [Task(case, fit, problem) for (case, fit), problem in zip(own.items(), problems, strict=True)]


def fillings(found: Sequence[Task], wanted: dict[str, Name | None]) -> tuple[list[Filling], list[str]]:
    """List the fills among the methods for every task, and why some are left out.

    Raises:
        UserError: a fill is meant for none of the tasks.
    """
    jobs = [Filling(task, text) for task in found for text, name in wanted.items() if name is None]
    judged = [(job, job.task.kind.refusal(job.name, job.task.problem)) for job in jobs]
    listed = [job for job, refusal in judged if not refusal]
    meant = {job.name for job in listed}
    for job, refusal in judged:
        if job.name not in meant:
            raise UserError(refusal)
    refused = [(job, refusal) for job, refusal in judged if refusal]
    return listed, [f"{', '.join(job.task.case)}: {refusal}; this fill is left out" for job, refusal in refused]


def trials(settings: ComparisonSettings, found: Sequence[Task], wanted: dict[str, Name | None]) -> list[Trial]:
    """List the fits that choose: each candidate of each method that has more than one."""
    # Frozen and corrected methods use the choice of the method that they derive from, which is thus tried once.
    choosers = dict.fromkeys(name.chooser for name in wanted.values() if name)
    listed = []
    for task in found:
        choosing = [(text, method) for text in choosers if len((method := _method(text, task)).candidates) > 1]
        if choosing:
            # One split per signal and mask, so that all methods are judged on the same held-out entries.
            split = task.kind.split(task.problem, settings.fit.seed, settings.share)
            hidden = holdout.restrict(task.problem, split.training)
        for text, method in choosing:
            digest = _digest(task, method, settings.share)
            for candidate in method.candidates:
                member = Member(change(method.settings, candidate), hidden)
                listed.append(Trial(task, text, format_changes(candidate), member, split.held, digest))
    return listed


def fits(
    settings: ComparisonSettings, found: Sequence[Task], wanted: dict[str, Name | None], tried: Sequence[Row]
) -> list[Fit]:
    """List the fits that count: each method with every seed, and with the settings that the trials' rows choose."""
    errors = {tuple(row[key] for key in TRIAL_KEYS): row["error"] for row in tried}
    listed = []
    for task in found:
        for text, name in wanted.items():
            if name is None:
                continue
            method = _method(text, task)
            keys = [(*task.case, name.chooser, format_changes(candidate)) for candidate in method.candidates]
            chosen = _choice(method, [errors.get(key) for key in keys])
            digest = _digest(task, method, settings.share)
            seeds = range(settings.fit.seed, settings.fit.seed + settings.seeds)
            listed += [Fit(task, method, text, chosen, seed, digest) for seed in seeds]
    return listed


def format_changes(changes: Changes) -> str:
    """Return changed settings as words NAME=VALUE."""
    return " ".join(f"{name}={value:g}" for name, value in changes.items())


def _choice(method: Method, errors: Sequence[float | None]) -> Changes:
    """Choose the candidate with the smallest error; None is the error of a fit that diverged or has no row yet."""
    try:
        return holdout.choose(method.candidates, [np.nan if error is None else error for error in errors])
    except DivergedError:
        return method.candidates[0]  # if all diverged, no candidate is better than another


def _method(text: str, task: Task) -> Method:
    name = methods.parse_name(text, task.kind)
    assert name is not None
    return methods.build(name, task.settings, max(task.problem.domain.shape))


def _digest(task: Task, method: Method, share: float) -> str:
    """Return a short hash of all that a row depends on except its seed; files count by contents, not by path."""
    content = [task.problem.digest, to_mapping(seedless(method.settings)), method.candidates, share]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _row(key: Row, task: Task, recovered: Values | None, **others: Any) -> Row:
    """Return a row, whose columns are the same for all methods."""
    scores = {} if recovered is None else task.kind.score(recovered, task.problem)
    return {
        **{name: key[name] for name in KEYS[:3]},
        "field": others.get("field"),
        "regularizer": others.get("regularizer"),
        "seed": key["seed"],
        **{name: scores.get(name) for name in task.kind.scores},
        "steps": others.get("steps"),
        "seconds": others["seconds"],
        "chosen": others.get("chosen"),
        "error": others.get("error"),
        "at_once": others.get("at_once"),
        "digest": others["digest"],
    }
