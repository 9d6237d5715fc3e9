"""Compares all fields with and without INRR at equal parameters and equal seconds, on five problems of small pictures.

    python -m benchmarks.fields [--pictures camera astronaut] [--fields siren grid] [--docs=docs]

Every field has about as many parameters as a SIREN of three layers of 96 units, and takes as many steps as fit into the
processor's seconds of that SIREN, which are measured first. Scales, rates and the weight of INRR are chosen by held-out
pixels, for every picture and problem, and never by the truth. Every fit has a row as soon as it ends, and a run that is
started again continues. With --docs the tables of docs/fields.md and its figure are written anew.
"""

import functools
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool

from benchmarks import fields_report, measure
from inrr_jax import metrics
from inrr_jax.baselines.holdout import hold_out
from inrr_jax.baselines.inverse.pictures import nonlocal_means
from inrr_jax.data.kinds import KINDS
from inrr_jax.data.loading import load
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import DivergedError
from inrr_jax.experiments.runner import run_fits
from inrr_jax.fields import FIELDS, FIXED, FieldConfig
from inrr_jax.io.results import Results
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.masking import masked
from inrr_jax.operators.noise import Gaussian
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes import holdout
from inrr_jax.recipes.fills import FILLS
from inrr_jax.settings import Settings
from inrr_jax.training import batch
from inrr_jax.training.sweep import Member, Outcome, Plain

Changes = dict[str, Any]
Case = tuple[str, str]
"""The names of a picture and a problem."""
KEY = ("stage", "picture", "problem", "field", "term", "candidate", "seed")
MASKS = {"text": ("text", 0.125), "random": ("random", 0.5), "density": ("density", 0.5)}
SIGMA = 25 / 255
TITLES = {
    "text": "12.5 % missing under writing",
    "random": "50 % missing, single pixels",
    "density": "50 % missing, more to the right",
    "denoise": "noise of 25/255 on every pixel",
    "fit": "nothing missing: the fit itself",
}
"""The problems. Scores are on missing pixels for the first three, and on all pixels for the others."""
CONTROLS = {**dict.fromkeys(MASKS, "harmonic"), "denoise": "nonlocal_means"}
"""The method without a field that each problem is compared with."""
TERMS = ("none", "inrr")
WEIGHTS = (0.01, 0.03, 0.13, 0.5)
"""Candidate weights of INRR."""
REFERENCE: Changes = {"field.width": 96, "field.depth": 3, "train.fibers": 6, "train.chunk": 20}
"""Size and batches of the SIREN that sets the number of parameters and the seconds."""


class Entry(NamedTuple):
    """How a field is sized, and the settings among which held-out pixels choose."""

    grows: str
    """The option that is solved for the number of parameters; empty if there is none."""
    rate: str
    rates: tuple[float, ...]
    scale: str = ""
    scales: tuple[float, ...] = ()
    """For 256 nodes on the longest axis, to which they are in proportion; each is twice the one before."""
    fixed: Changes = {}  # noqa: RUF012 (a constant)

    def candidates(self, nodes: int) -> list[Changes]:
        """Return four candidates: all scales at the first rate, and the other rate at the middle scale."""
        if not self.scale:
            return [{self.rate: rate} for rate in self.rates]
        scaled = [{self.scale: scale * nodes / 256, self.rate: self.rates[0]} for scale in self.scales]
        return [*scaled, *({**scaled[1], self.rate: rate} for rate in self.rates[1:])]

    def with_energy(self, chosen: Changes, nodes: int) -> list[Changes]:
        """Return four candidates with INRR: two weights for the scale that was chosen without it and for the next one.

        An energy may allow finer detail than is best without it. Where there is no finer scale among the candidates,
        which are the same without INRR, all four weights are tried instead.
        """
        finer = {**chosen, self.scale: 2 * chosen[self.scale]} if self.scale else {}
        if finer and finer[self.scale] <= 1.01 * self.scales[-1] * nodes / 256:
            return [{**start, WEIGHT: weight} for start in (chosen, finer) for weight in WEIGHTS[1:3]]
        return [{**chosen, WEIGHT: weight} for weight in WEIGHTS]


WEIGHT = "regularizer.inrr.weight"
MATRIX, FIELD = "optimizer.matrix_rate", "optimizer.field_rate"
ENTRIES = {
    "siren": Entry("width", MATRIX, (0.04, 0.08), "field.omega", (15.0, 30.0, 60.0)),
    "finer": Entry("width", FIELD, (3e-3, 1e-3), "field.omega", (4.0, 8.0, 16.0)),
    "wire": Entry("width", FIELD, (5e-3, 1e-2), "field.gabor_scale", (8.0, 16.0, 32.0)),
    "gauss": Entry("width", FIELD, (2e-3, 5e-3), "field.sharpness", (20.0, 40.0, 80.0)),
    "fourier": Entry("width", MATRIX, (0.04, 0.08), "field.omega", (15.0, 30.0, 60.0)),
    "relu": Entry("width", MATRIX, (0.08, 0.02, 0.04, 0.16)),
    "hash_grid": Entry("decoder_width", FIELD, (3e-3, 1e-3, 1e-2, 3e-2), fixed={"field.entry_features": 3}),
    "planes": Entry("features", FIELD, (3e-3, 1e-3, 1e-2, 3e-2)),
    "tucker": Entry("factor_width", FIELD, (3e-3, 1e-2), "field.omega", (25.0, 50.0, 100.0)),
    "grid": Entry("", FIELD, (5e-2, 1e-2, 0.2, 3e-3)),
}
"""The candidates were spread around values that suit another picture, the coins."""


class Job(NamedTuple):
    """One fit and its row; implements `experiments.runner.FitJob`."""

    key: dict[str, Any]
    member: Member
    held: Bool[np.ndarray, "H W"] | None
    """The held-out pixels of a trial; None for a fit that counts."""

    @property
    def fit_key(self) -> tuple:
        """Identifies the fit, which no other job shares."""
        return tuple(self.key.values())

    @property
    def digest(self) -> str:
        """Identifies what the row depends on."""
        content = [self.member.problem.digest, to_mapping(self.member.settings)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def finish(self, outcome: Outcome, recipe: Any) -> Outcome:
        """Return the outcome unchanged."""
        return outcome

    def row(self, outcome: Outcome) -> dict[str, Any]:
        """Return the row: the error on the held-out pixels of a trial, or the PSNR."""
        problem = self.member.problem
        if self.held is None:
            score = {"psnr": psnr(outcome.recovered, problem)}
        else:
            # The measurements of a trial are hidden at the held-out pixels; its truth is what was measured there.
            score = {"error": holdout.error(outcome.recovered, problem.truth, self.held)}
        steps = {"steps": self.member.settings.train.steps, "seconds": outcome.seconds, "at_once": outcome.at_once}
        return {**self.key, **score, **steps, "diverged": outcome.error, "digest": self.digest}


def psnr(recovered: np.ndarray, problem: Problem) -> float:
    """Return the PSNR in dB on the missing pixels, or on all if none is missing."""
    missing = ~np.asarray(problem.operator.mask)
    return float(metrics.psnr(recovered.clip(0, 1), problem.truth, missing if missing.any() else None))


def problems(picture: str, size: int) -> dict[str, Problem]:
    """Return the five problems of a picture by name."""
    data = change(KINDS["picture"](), {"image": picture, "size": size, "grey": True})
    found = {name: load(data, MaskSettings(mode=mode, rate=rate)) for name, (mode, rate) in MASKS.items()}
    image = np.asarray(found["text"].truth)
    all_pixels = np.ones(image.shape[:2], bool)
    noise = np.random.default_rng(0).normal(0, SIGMA, image.shape).astype(np.float32)
    found["denoise"] = masked(image + noise, all_pixels)._replace(truth=image)
    return {**found, "fit": masked(image, all_pixels)}


def control(name: str, problem: Problem) -> np.ndarray:
    """Return the recovery of a problem's control."""
    image = np.asarray(problem.measurements)
    if CONTROLS[name] == "harmonic":
        return FILLS["harmonic"].fill(image, np.asarray(problem.operator.mask))
    return nonlocal_means(problem._replace(operator=Direct(noise=Gaussian(SIGMA))))


def parameters(field: FieldConfig, domain: Domain) -> int:
    """Return the number of a field's learned parameters."""
    shapes = jax.eval_shape(field.build(domain).init, jax.random.key(0), {})
    return sum(leaf.size for name, part in shapes.items() if name not in FIXED for leaf in jax.tree.leaves(part))


@functools.cache
def sized(name: str, domain: Domain) -> Changes:
    """Return the settings of a field that has at most as many parameters as the reference, and as many as it can."""
    start = change(Settings(), {**REFERENCE, **FIELDS[name].habits, "field.name": "siren", "regularizer.name": "none"})
    target = parameters(start.field, domain)
    own = {key: value for key, value in REFERENCE.items() if "field" not in key or name == "siren"}
    if ENTRIES[name].grows == "width":
        own["field.depth"] = REFERENCE["field.depth"]
    own |= {**FIELDS[name].habits, **ENTRIES[name].fixed, "field.name": name}
    if not ENTRIES[name].grows:
        return own
    option, low, high = f"field.{ENTRIES[name].grows}", 1, 1024
    while high - low > 1:
        middle = (low + high) // 2
        fits = parameters(change(Settings(), {**own, option: middle}).field, domain) <= target
        low, high = (middle, high) if fits else (low, middle)
    return {**own, option: low}


def settings_of(name: str, term: str, domain: Domain, steps: int, chosen: Changes) -> Settings:
    """Return the settings of a fit."""
    # The default warm-up of 50 steps would be most of a fit of few steps.
    own = {"regularizer.name": term, "train.steps": steps, "optimizer.warmup": steps // 6}
    return change(Settings(), {**sized(name, domain), **chosen, **own})


def equal_steps(name: str, term: str, problem: Problem, steps: int) -> int:
    """Return the steps that take the processor as long as `steps` of the reference, as whole chunks.

    The times are those of the processor and not of the clock, and the shortest of several turns, because other programs
    run on most machines.
    """
    programs = {}
    for field, energy in {("siren", "none"), (name, term)}:
        settings = settings_of(field, energy, problem.domain, steps, {})
        programs[field, energy] = functools.partial(
            batch.probe, batch.compile_batch(settings, problem, 1)[0], [Member(settings, problem)]
        )
    timed = {key: functools.partial(measure.processor_seconds, program) for key, program in programs.items()}
    best = {key: min(times) for key, times in measure.alternate(timed, 5).items()}
    chunk = REFERENCE["train.chunk"]
    return max(1, round(steps * best["siren", "none"] / best[name, term] / chunk)) * chunk


class Study:
    """All fits of a run, and the rows of those that are done."""

    def __init__(self, folder: Path, size: int, steps: int, seeds: int):
        """Read the rows of earlier runs."""
        folder.mkdir(parents=True, exist_ok=True)
        self.results, self.size, self.steps, self.seeds = Results(folder, KEY), size, steps, seeds

    def run(self, pictures: Sequence[str], names: Sequence[str]) -> None:
        """Fit everything that has no row yet, field after field."""
        cases = {
            (picture, text): problem for picture in pictures for text, problem in problems(picture, self.size).items()
        }
        self._controls(cases)
        for name in names:
            chosen: dict[Case, Changes] = {}
            for term in TERMS:
                steps = self._steps(name, term, next(iter(cases.values())))
                listed = {case: self._candidates(name, term, case, chosen) for case in cases}
                tried = {
                    case: [self._job("trial", case, problem, name, term, steps, changes) for changes in listed[case]]
                    for case, problem in cases.items()
                }
                self._run([job for jobs in tried.values() for job in jobs])
                chosen = {case: self._best(listed[case], tried[case]) for case in cases}
                self._run(
                    [
                        self._job("fit", case, problem, name, term, steps, chosen[case], seed)
                        for case, problem in cases.items()
                        for seed in range(self.seeds)
                    ]
                )

    def _candidates(self, name: str, term: str, case: Case, chosen: dict[Case, Changes]) -> list[Changes]:
        entry = ENTRIES[name]
        return entry.candidates(self.size) if term == "none" else entry.with_energy(chosen[case], self.size)

    def _best(self, listed: list[Changes], jobs: list[Job]) -> Changes:
        errors = {tuple(row[key] for key in KEY): row.get("error") for row in self.results.rows}
        own = [errors[job.fit_key] for job in jobs]
        try:
            return holdout.choose(listed, [np.nan if error is None else error for error in own])
        except DivergedError:
            return listed[0]  # if all diverged, no candidate is better than another

    def _job(self, stage, case, problem, name, term, steps, changes, seed=0) -> Job:
        picture, text = case
        written = " ".join(f"{option}={value:g}" for option, value in changes.items())
        key = dict(zip(KEY, (stage, picture, text, name, term, written, seed), strict=True))
        settings = change(settings_of(name, term, problem.domain, steps, changes), {"seed": seed})
        if stage == "fit":
            return Job(key, Member(settings, problem), None)
        mask = np.asarray(problem.operator.mask)
        # A fit of everything is judged by its misfit, which is all that it is for.
        whole = text == "fit"
        split = None if whole else hold_out(jax.random.key(0), mask, 0.1)
        hidden = problem if split is None else holdout.restrict(problem, split.training)
        measured = hidden._replace(truth=np.asarray(problem.measurements))
        return Job(key, Member(settings, measured), mask if split is None else split.held)

    def _run(self, jobs: Sequence[Job]) -> None:
        options = {"at_once": 1, "recipe": Plain(), "log": lambda line: None, "on_progress": lambda steps: None}
        run_fits(jobs, self.results, **options)
        print(f"{time.strftime('%H:%M:%S')} {len(self.results.rows)} rows: {jobs[-1].key}", flush=True)

    def _steps(self, name: str, term: str, problem: Problem) -> int:
        key = dict(zip(KEY, ("steps", "", "", name, term, "", 0), strict=True))
        if key not in self.results:
            size = parameters(settings_of(name, term, problem.domain, 1, {}).field, problem.domain)
            counted = equal_steps(name, term, problem, self.steps)
            self.results.add([{**key, "steps": counted, "parameters": size}])
        return next(row["steps"] for row in self.results.rows if all(row[part] == key[part] for part in KEY))

    def _controls(self, cases: dict[Case, Problem]) -> None:
        for (picture, text), problem in cases.items():
            key = dict(zip(KEY, ("control", picture, text, CONTROLS.get(text, ""), "none", "", 0), strict=True))
            if text in CONTROLS and key not in self.results:
                self.results.add([{**key, "psnr": psnr(control(text, problem), problem)}])


def main() -> None:
    """Fit everything that has no row yet, and write tables and figure."""
    parser = measure.arguments("fields", __doc__)
    parser.add_argument("--pictures", nargs="+", default=["camera", "astronaut"], help="of one shape")
    parser.add_argument("--fields", nargs="+", choices=ENTRIES, default=list(ENTRIES))
    parser.add_argument("--size", type=int, default=96, help="pixels of the longest side")
    parser.add_argument("--steps", type=int, default=300, help="steps of the SIREN that sets the seconds")
    parser.add_argument("--seeds", type=int, default=3, help="fits of each method that count")
    parser.add_argument("--docs", type=Path, help="folder of fields.md, whose tables and figure are replaced")
    flags = parser.parse_args()
    study = Study(flags.workdir, flags.size, flags.steps, flags.seeds)
    study.run(flags.pictures, flags.fields)
    study.results.write_csv()
    known = [row for row in study.results.rows if row["picture"] in ("", *flags.pictures)]
    names = dict.fromkeys([*flags.fields, *CONTROLS.values()])
    rows = [row for name in names for row in known if row["field"] == name]
    text = fields_report.report(rows, TITLES)
    measure.write(flags.workdir, "fields", {"rows": rows}, text)
    fields_report.draw(flags.workdir / "fields.png", rows, TITLES)
    if flags.docs:
        measure.write_page(flags.docs / "fields.md", {"tables": text})
        fields_report.draw(flags.docs / "figures" / "fields.png", rows, TITLES)


if __name__ == "__main__":
    main()
