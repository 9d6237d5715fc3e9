"""What a comparison consists of: pictures under masks, fits that choose settings, fits that count, and their rows.

Every method recovers the same pictures under the same masks. Some of its settings are chosen by held-out observed
pixels (selection.py), once for each picture and mask, with the first seed; every seed then uses them.
"""

import dataclasses
import glob
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from inrr_jax import metrics
from inrr_jax.data import problem
from inrr_jax.data.problem import Problem
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.experiments import methods
from inrr_jax.experiments.methods import Changes, Method
from inrr_jax.experiments.tables import Case
from inrr_jax.recipes import holdout
from inrr_jax.recipes.stacking import FILLS
from inrr_jax.settings import DataSettings, MaskSettings, Settings, at_least, change, to_mapping
from inrr_jax.training import fit as training
from inrr_jax.training.sweep import Member, Outcome
from inrr_jax.types import Row

KEYS = ("image", "mask", "method", "seed")
TRIAL_KEYS = ("image", "mask", "method", "candidate")


@dataclass(frozen=True)
class ComparisonSettings:
    """What is compared with what, on what."""

    fit: Settings = Settings()
    """What every fit starts from: its budget, the size of the pictures, the seed of the masks and the first seed."""
    images: str = "baboon"
    """Bundled names, paths or patterns of paths (*.png), with commas between them."""
    masks: str = "text:0.125"
    """mode:rate, the path of a mask file or a pattern of paths, with commas between them; a sum (text+random:0.3,
    scratch.png+random:0.3) misses what either does."""
    methods: str = "harmonic,siren,siren+inrr"
    """Names as methods.py has them, with commas between them."""
    seeds: int = at_least(3, 1)
    """Initialisations of each fit: fit.seed, fit.seed + 1, ..."""
    share: float = at_least(holdout.SHARE, 0.0, above=True, high=0.5)
    """Of the observed pixels that choose a method's settings."""
    at_once: int = at_least(0, 0)
    """Fits that share a device; 0: measured."""
    devices: int = at_least(0, 0)
    """Virtual devices that a CPU is split into; 0: one for each core that this process may use."""


class Task(NamedTuple):
    """A picture under a mask, and the settings of a fit to it."""

    case: Case
    settings: Settings
    problem: Problem


class Trial(NamedTuple):
    """A candidate of a method, fitted to all observed pixels but those held out."""

    task: Task
    method: str
    candidate: str
    member: Member
    held: holdout.Mask
    digest: str

    @property
    def fitted(self) -> tuple:
        """What names its fit, which no other shares."""
        return tuple(self.key.values())

    def finish(self, outcome: Outcome) -> Outcome:
        """Leave it as it is: what comes after a fit has no part in the choice."""
        return outcome

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(TRIAL_KEYS, (*self.task.case, self.method, self.candidate), strict=True))

    def row(self, outcome: Outcome) -> Row:
        """Judge its recovery on the held-out pixels."""
        error = holdout.error(outcome.recovered, self.task.problem.image, self.held)
        return {
            **self.key,
            "error": np.nan if outcome.error else error,
            "seconds": outcome.seconds,
            "at_once": outcome.at_once,
            "digest": self.digest,
        }


class Fit(NamedTuple):
    """A method with one seed."""

    task: Task
    name: str
    method: Method
    chosen: Changes
    seed: int
    digest: str

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(KEYS, (*self.task.case, self.name, self.seed), strict=True))

    @property
    def member(self) -> Member:
        """What is fitted."""
        return Member(change(self.method.settings, {**self.chosen, "seed": self.seed}), self.task.problem)

    @property
    def fitted(self) -> tuple:
        """What names its fit: methods share it that differ in what comes after."""
        return (*self.task.case, methods.fitted(self.name), self.seed)

    def finish(self, outcome: Outcome) -> Outcome:
        """Krige its recovery as the method wants it."""
        if outcome.error:
            return outcome
        start = time.perf_counter()
        image, mask = self.task.problem.image, self.task.problem.mask
        settings = change(self.member.settings, {"kriging": self.method.kriging})
        recovered = training.finish(outcome.recovered, image, mask, settings)
        return outcome._replace(recovered=recovered, seconds=outcome.seconds + time.perf_counter() - start)

    def row(self, outcome: Outcome) -> Row:
        """Score its recovery."""
        settings = self.method.settings
        return _row(
            self.key,
            self.task.problem,
            None if outcome.error else outcome.recovered,
            field=self.method.field,
            regularizer=self.method.regularizer,
            steps=settings.train.steps * (2 if training.first_fit(settings) else 1),
            seconds=outcome.seconds,
            chosen=told(self.chosen),
            error=outcome.error,
            at_once=outcome.at_once,
            digest=self.digest,
        )


class Filling(NamedTuple):
    """A classical fill."""

    task: Task
    name: str

    @property
    def digest(self) -> str:
        """Of what it depends on."""
        return self.task.problem.digest

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(KEYS, (*self.task.case, self.name, None), strict=True))

    def recover(self) -> Float[np.ndarray, "H W C"]:
        """Fill what is missing."""
        return FILLS[self.name](self.task.problem.image, self.task.problem.mask)

    def row(self, recovered: Float[np.ndarray, "H W C"], seconds: float) -> Row:
        """Score its recovery."""
        return _row(self.key, self.task.problem, recovered, seconds=seconds, digest=self.digest)


def names(settings: ComparisonSettings) -> list[str]:
    """Return the names of the methods.

    Raises:
        UserError: one is unknown, or there is none.
    """
    found = _parts("methods", settings.methods)
    for name in found:
        methods.check(name)
    return found


def tasks(settings: ComparisonSettings) -> list[Task]:
    """Load every picture under every mask, pictures first.

    Raises:
        UserError: anything wrong with either, or two of them with the same name.
    """
    images = _by_label("images", _expanded(_parts("images", settings.images)))
    masks = _by_label("masks", _expanded(_parts("masks", settings.masks)))
    found = []
    for image, source in images.items():
        for mask, text in masks.items():
            own = change(settings.fit, {"data.image": source, **_mask_changes(text)})
            found.append(Task(Case(image, mask), own, problem.load(own)))
    return found


def fillings(found: Sequence[Task], wanted: Sequence[str]) -> list[Filling]:
    """List the classical fills among the methods, for every task."""
    return [Filling(task, name) for task in found for name in wanted if name in FILLS]


def trials(settings: ComparisonSettings, found: Sequence[Task], wanted: Sequence[str]) -> list[Trial]:
    """List the fits that choose: each candidate of each method that has more than one."""
    key = jax.random.key(settings.fit.seed)
    choosers = dict.fromkeys(methods.chooser(name) for name in wanted if name not in FILLS)
    listed = []
    for task in found:
        choosing = [(name, method) for name in choosers if len((method := _method(name, task)).candidates) > 1]
        if choosing:
            training, held = holdout.hold_out(key, task.problem.mask, settings.share)
            blind = holdout.restrict(task.problem, training)
        for name, method in choosing:
            digest = _digest(task, method, settings.share)
            for candidate in method.candidates:
                member = Member(change(method.settings, candidate), blind)
                listed.append(Trial(task, name, told(candidate), member, held, digest))
    return listed


def fits(settings: ComparisonSettings, found: Sequence[Task], wanted: Sequence[str], tried: Sequence[Row]) -> list[Fit]:
    """List the fits that count: each method with what the rows of the trials choose for it, and each seed."""
    errors = {tuple(row[key] for key in TRIAL_KEYS): row["error"] for row in tried}
    listed = []
    for task in found:
        for name in wanted:
            if name in FILLS:
                continue
            method = _method(name, task)
            keys = [(*task.case, methods.chooser(name), told(candidate)) for candidate in method.candidates]
            chosen = _choice(method, [errors.get(key) for key in keys])
            digest = _digest(task, method, settings.share)
            seeds = range(settings.fit.seed, settings.fit.seed + settings.seeds)
            listed += [Fit(task, name, method, chosen, seed, digest) for seed in seeds]
    return listed


def told(changes: Changes) -> str:
    """Write changed settings as one word each."""
    return " ".join(f"{name}={value:g}" for name, value in changes.items())


def _choice(method: Method, errors: Sequence[float | None]) -> Changes:
    """Choose by errors, of which None belongs to a fit that diverged; if all did, the first is as good as any."""
    try:
        return holdout.choose(method.candidates, [np.nan if error is None else error for error in errors])
    except DivergedError:
        return method.candidates[0]


def _method(name: str, task: Task) -> Method:
    return methods.parse(name, task.settings, max(task.problem.mask.shape))


def _digest(task: Task, method: Method, share: float) -> str:
    """Name in short all that a row depends on, but for its seed: the contents of files count, their paths do not."""
    settings = dataclasses.replace(method.settings, data=DataSettings(), mask=MaskSettings(), seed=0)
    content = [task.problem.digest, to_mapping(settings), method.candidates, share]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _row(key: Row, task: Problem, recovered: Float[np.ndarray, "H W C"] | None, **others: Any) -> Row:
    """Put a row together, whose columns are the same for all methods."""
    scores = {} if recovered is None else metrics.summarize(recovered, task.image, task.mask)
    return {
        **{name: key[name] for name in KEYS[:3]},
        "field": others.get("field"),
        "regularizer": others.get("regularizer"),
        "seed": key["seed"],
        **{name: scores.get(name) for name in SCORES},
        "steps": others.get("steps"),
        "seconds": others["seconds"],
        "chosen": others.get("chosen"),
        "error": others.get("error"),
        "at_once": others.get("at_once"),
        "digest": others["digest"],
    }


SCORES = ("psnr_missing", "psnr_pasted", "psnr_all", "nmae_missing", "ssim_pasted")


def _parts(name: str, text: str) -> list[str]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise UserError(f"{name}={text!r} names none: give at least one, with commas between several")
    return list(dict.fromkeys(found))


def _expanded(parts: Sequence[str]) -> Iterator[str]:
    """Put the paths that fit a pattern in its place."""
    for part in parts:
        if not glob.has_magic(part):
            yield part
        elif paths := sorted(glob.glob(part)):
            yield from paths
        else:
            raise UserError(f"{part} fits no file: check the path")


def _is_file(text: str) -> bool:
    return Path(text).suffix in (".png", ".npy") or Path(text).is_file()


def _by_label(name: str, found: Iterator[str]) -> dict[str, str]:
    """Name files by their stem, all else as it is."""
    labels: dict[str, str] = {}
    for text in found:
        label = "+".join(Path(part).stem if _is_file(part) else part for part in text.split("+"))
        if label in labels:
            raise UserError(f"{name}: {labels[label]} and {text} would both be called {label}: rename one")
        labels[label] = text
    return labels


def _mask_changes(text: str) -> Changes:
    """Read `mode:rate`, where the mode may be the path of a file, or a sum."""
    modes, colon, rate = text.partition(":")
    parts = modes.split("+")
    files = [part for part in parts if _is_file(part)]
    if len(files) > 1:
        raise UserError(f"mask {text} adds {len(files)} files: give one, and modes that are drawn")
    changes: Changes = {"mask.mode": "+".join("file" if part in files else part for part in parts)}
    if files:
        changes["mask.path"] = files[0]
    try:
        return {**changes, **({"mask.rate": float(rate)} if colon else {})}
    except ValueError:
        raise UserError(f"mask {text}: {rate!r} is no number: give mode:rate, such as text:0.125") from None
