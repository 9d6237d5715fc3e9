"""Variations of INRR on the same pictures: other energies of the learned graph, other networks, other kernels.

    python -m benchmarks.variations [--workdir=FOLDER] [--pictures camera ...] [--masks text:0.125 ...] [--methods ...]
        [--seeds 3] [--steps 300]

Grey pictures of 96 x 96 pixels. Each method has five weights, and for each picture and mask the weight whose fit
has the smallest error on held-out observed pixels is used for all seeds; no choice sees the truth. A seed draws the
initial parameters, the fibers and the mask. `none`, `grid` (Tikhonov's energy of order 1) and `tv` are controls;
benchmarks/learned_graphs.py has the variations. Fits with one compiled program run as batches, and finished fits are
kept in --workdir and not run again. The CPU seconds of a step of all methods are measured in turn at the end. About
half an hour on two free CPU cores.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float

from benchmarks import measure
from benchmarks.learned_graphs import Distances, Huber, Normalised, OnFeatures, Power, SharedTrunk
from inrr_jax import plots
from inrr_jax.baselines.holdout import hold_out
from inrr_jax.data import images, masks
from inrr_jax.experiments import runner
from inrr_jax.experiments.tables import markdown
from inrr_jax.fields import siren
from inrr_jax.io.results import Results
from inrr_jax.operators.masking import masked
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import Settings, TrainSettings
from inrr_jax.training import fit
from inrr_jax.training.programs import static_key
from inrr_jax.training.sweep import Member, Outcome, Plain, Recipe
from inrr_jax.types import Row

SIZE = 96
PICTURES = ("camera", "astronaut", "chelsea")
MASKS = ("text:0.125", "random:0.5", "patch:0.1")
REFERENCE = "inrr"
WEIGHTS = (0.0025, 0.01, 0.04, 0.16, 0.64)
"""Candidates of λ of every term, in mean form."""
FIELD = siren.Config(width=96, depth=4)


class Method(NamedTuple):
    """A term, and what distinguishes it from the one of the paper."""

    term: str = "inrr"
    options: inrr.Config = inrr.Config()
    """Of the term `inrr`."""
    changes: Mapping[str, Any] = {}
    """Other settings by dotted name."""
    weights: tuple[float, ...] = WEIGHTS


METHODS: dict[str, Method] = {
    "none": Method("none", weights=(0.0,)),
    "grid": Method("grid"),
    # Fibers next to those that are drawn are evaluated too: all methods evaluate the same number of points.
    "tv": Method("tv", changes={"train.fibers": 8}),
    "inrr": Method(),
    "L²": Method(options=Power(power=2)),
    "L³": Method(options=Power(power=3)),
    "Huber": Method(options=Huber()),
    "shared trunk": Method(options=SharedTrunk()),
    "on features": Method(options=OnFeatures(field=FIELD)),
    "frozen L": Method(changes={"optimizer.laplacian_rate": 0.0}),
    "normalised L": Method(options=Normalised()),
    "distance kernel": Method(options=Distances()),
    "rank 16": Method(options=inrr.Config(rank=16)),
    "width 8": Method(options=inrr.Config(width=8)),
}
KEYS = ("stage", "picture", "mask", "method", "weight", "seed")
COLUMNS = {"method": "{method}", "PSNR missing / dB": "{psnr:.2f}", "over `inrr` / dB": "{gain:+.2f} ± {error:.2f}"}
COLUMNS |= {
    "wins": "{wins} of {cases}",
    "weights chosen": "{weights}",
    "CPU seconds of a step / those of `inrr`": "{ratio:.1f}",
}


class Fit(NamedTuple):
    """The job of one fit: of the stage `choice` with entries held out, or of the stage `table`."""

    stage: str
    picture: str
    mask: str
    method: str
    weight: float
    seed: int
    member: Member
    truth: Float[np.ndarray, "H W 1"]
    scored: Bool[np.ndarray, "H W"]
    """The entries whose errors count: held out, or missing."""

    @property
    def key(self) -> Row:
        """Its key columns."""
        return dict(zip(KEYS, self, strict=False))

    @property
    def fit_key(self) -> tuple:
        """No other job shares the fit."""
        return tuple(self.key.values())

    @property
    def digest(self) -> str:
        """A hash of all that its row depends on."""
        settings = self.member.settings
        kind = type(settings.regularizer.inrr).__name__  # type: ignore[attr-defined]
        content = json.dumps([self.member.problem.digest, kind, to_mapping(settings)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def finish(self, outcome: Outcome, recipe: Recipe) -> Outcome:
        """Return the outcome unchanged."""
        return outcome

    def row(self, outcome: Outcome) -> Row:
        """Return its row; `error` is the mean squared error, NaN if the fit diverged."""
        error = np.nan if outcome.error else holdout.error(outcome.recovered, self.truth, self.scored)
        return {**self.key, "error": error, "at_once": outcome.at_once, "digest": self.digest}


def load(name: str) -> Float[np.ndarray, "H W 1"]:
    """Return the square in the middle of a grey picture."""
    image = images.load(name, grey=True)
    side = min(image.shape[:2])
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return images.resize(image[top : top + side, left : left + side], (SIZE, SIZE))


def make(picture: str, mask: str, seed: int) -> Problem:
    """Return the problem of a picture under a mask MODE:RATE."""
    mode, rate = mask.split(":")
    observed = masks.make(jax.random.key(seed), (SIZE, SIZE), mode, float(rate))
    return masked(load(picture), np.asarray(observed))


def settings_of(method: str, weight: float, seed: int, steps: int) -> Settings:
    """Return the settings of a fit."""
    term, options, changes, _ = METHODS[method]
    train = TrainSettings(steps=steps, chunk=steps)
    settings = change(Settings(seed=seed, field=FIELD, train=train), {**changes, "regularizer.name": term})
    if term != "inrr":
        own = {f"regularizer.{term}.weight": weight} if term != "none" else {}
        return change(settings, own)
    # `change` makes the options of the registry's own class: a variation of them is put in afterwards.
    regularizer = RegularizerSettings(name="inrr", inrr=dataclasses.replace(options, weight=weight))
    return dataclasses.replace(settings, regularizer=regularizer)


def choices(cases: Sequence[tuple[str, str]], methods: Sequence[str], steps: int) -> list[Fit]:
    """List the fits that choose: every weight of every method, on each picture and mask, with the seed 0."""
    listed = []
    for picture, mask in cases:
        problem = make(picture, mask, 0)
        split = hold_out(jax.random.key(0), problem.operator.mask)
        hidden = holdout.restrict(problem, split.training)
        for method in methods:
            for weight in METHODS[method].weights:
                member = Member(settings_of(method, weight, 0, steps), hidden)
                listed.append(Fit("choice", picture, mask, method, weight, 0, member, problem.measurements, split.held))
    return listed


def counted(
    cases: Sequence[tuple[str, str]], methods: Sequence[str], seeds: int, steps: int, rows: Sequence[Row]
) -> list[Fit]:
    """List the fits that count, with the weights that the rows of `choices` choose."""
    listed = []
    for picture, mask in cases:
        problems = [make(picture, mask, seed) for seed in range(seeds)]
        for method in methods:
            weight = chosen(rows, picture, mask, method)
            for seed, problem in enumerate(problems):
                member = Member(settings_of(method, weight, seed, steps), problem.visible)
                scored = ~np.asarray(problem.operator.mask)
                listed.append(Fit("table", picture, mask, method, weight, seed, member, problem.truth, scored))
    return listed


def chosen(rows: Sequence[Row], picture: str, mask: str, method: str) -> float:
    """Return the weight with the smallest error on held-out pixels."""
    key = {"stage": "choice", "picture": picture, "mask": mask, "method": method}
    own = [row for row in rows if row.items() >= key.items() and row["weight"] in METHODS[method].weights]
    errors = [np.nan if row["error"] is None else row["error"] for row in own]
    return holdout.choose([row["weight"] for row in own], errors)


def step_seconds(methods: Sequence[str], rounds: int, steps: int = 30) -> dict[str, float]:
    """Return the median CPU seconds, over all cores, of a step of each method in a fit alone, measured in turn.

    Other processes change the CPU seconds far less than the seconds that pass.
    """
    problem = make(PICTURES[0], MASKS[0], 0).visible

    def measured(method: str) -> Callable[[], float]:
        settings = settings_of(method, METHODS[method].weights[0], 0, 300)
        state, hyper, key = fit.init(problem, settings)
        static, states = static_key(settings), [state]

        def chunk() -> float:
            start = time.process_time()
            states[0], _ = jax.block_until_ready(
                fit.fit_chunk(states[0], problem, hyper, key, static=static, length=steps)
            )
            return (time.process_time() - start) / steps

        return chunk

    found = measure.alternate({method: measured(method) for method in methods}, rounds)
    return {method: float(np.median(seconds)) for method, seconds in found.items()}


def psnr(rows: Sequence[Row]) -> dict[str, dict[tuple[str, str], Float[np.ndarray, "seeds"]]]:
    """Return the PSNR on missing pixels in dB of every seed, by method and then by picture and mask."""
    found: dict[str, dict[tuple[str, str], list[float]]] = {}
    for row in rows:
        if row["stage"] == "table":
            value = np.nan if row["error"] is None else -10 * np.log10(row["error"])
            found.setdefault(row["method"], {}).setdefault((row["picture"], row["mask"]), []).append(value)
    return {method: {case: np.array(values) for case, values in own.items()} for method, own in found.items()}


def gains(rows: Sequence[Row]) -> dict[str, dict[tuple[str, str], Float[np.ndarray, "seeds"]]]:
    """Return the gain over INRR in dB, paired by picture, mask and seed, by method and then by picture and mask."""
    scores = psnr(rows)
    return {name: {case: own[case] - scores[REFERENCE][case] for case in own} for name, own in scores.items()}


def summary(rows: Sequence[Row], seconds: Mapping[str, float]) -> list[Row]:
    """Return one row per method: the mean PSNR, and the mean gain over INRR with its standard error.

    The pairs of one picture and mask are averaged first: a case counts once, and a win is a case with a gain.
    """
    scores, listed = psnr(rows), []
    for method, own in gains(rows).items():
        gain = np.array([values.mean() for values in own.values()])
        weights = [row["weight"] for row in rows if row["stage"] == "table" and row["method"] == method]
        listed.append(
            {
                "method": method,
                "psnr": float(np.mean([values.mean() for values in scores[method].values()])),
                "gain": float(gain.mean()),
                "error": measure.standard_error(gain),
                "wins": int((gain > 0).sum()),
                "cases": len(gain),
                "weights": f"{np.median(weights):g} ({min(weights):g} to {max(weights):g})",
                "ratio": seconds[method] / seconds[REFERENCE] if method in seconds else None,
            }
        )
    return listed


def by_mask(rows: Sequence[Row]) -> dict[str, dict[str, Float[np.ndarray, "pictures seeds"]]]:
    """Return the gains over INRR by mask and method."""
    found: dict[str, dict[str, Any]] = {}
    for method, own in gains(rows).items():
        if method != REFERENCE:
            for case, values in own.items():
                found.setdefault(case[1], {}).setdefault(method, []).append(values)
    return {mask: {method: np.array(values) for method, values in panel.items()} for mask, panel in found.items()}


def report(folder: Path, rows: Sequence[Row], seconds: Mapping[str, float]) -> None:
    """Write tables, JSON and the figure."""
    table, panels = summary(rows, seconds), by_mask(rows)
    lines = [
        [
            name,
            *(
                f"{panel[name].mean():+.2f} ± {measure.standard_error(panel[name].ravel()):.2f}"
                for panel in panels.values()
            ),
        ]
        for name in dict.fromkeys(name for panel in panels.values() for name in panel)
    ]
    text = measure.table(table, COLUMNS)
    text += "\n\nGain over `inrr` in dB by mask:\n\n" + markdown(["method", *panels], lines)
    measure.write(folder, "variations", {"summary": table, "rows": list(rows), "seconds": dict(seconds)}, text)
    means = {mask: {name: values.mean(axis=1) for name, values in panel.items()} for mask, panel in panels.items()}
    plots.gains(folder / "variations.png", means, "INRR")


def main() -> None:
    """Run the fits that have no row yet, method by method, and write the report."""
    parser = measure.arguments("variations", __doc__)
    parser.add_argument("--pictures", nargs="+", default=list(PICTURES), help="grey pictures")
    parser.add_argument("--masks", nargs="+", default=list(MASKS), help="MODE:RATE")
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(METHODS), help="INRR is always one of them"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of each fit with the chosen weight")
    parser.add_argument("--steps", type=int, default=300, help="of each fit")
    parser.add_argument("--at-once", type=int, default=9, help="fits in one batch")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of the seconds of a step; 0: none")
    flags = parser.parse_args()
    flags.workdir.mkdir(parents=True, exist_ok=True)
    results = Results(flags.workdir, KEYS, {"error": float | None, "at_once": int, "digest": str})
    cases = [(picture, mask) for mask in flags.masks for picture in flags.pictures]
    methods = list(dict.fromkeys([REFERENCE, *flags.methods]))
    jobs: list[Fit] = []
    for method in methods:
        # Method by method, so that both stages share a compiled program.
        choosing = choices(cases, [method], flags.steps)
        _run(choosing, results, flags.at_once)
        counting = counted(cases, [method], flags.seeds, flags.steps, results.rows)
        _run(counting, results, flags.at_once)
        jobs += [*choosing, *counting]
        print(f"{method}: {len(choosing)} + {len(counting)} fits", flush=True)
    # The folder may also hold rows of commands with other flags.
    listed = {job.fit_key for job in jobs}
    rows = [row for row in results.rows if tuple(row[key] for key in KEYS) in listed]
    report(flags.workdir, rows, step_seconds(methods, flags.rounds) if flags.rounds else {})


def _run(jobs: Sequence[Fit], results: Results, at_once: int) -> None:
    runner.run_fits(jobs, results, at_once=at_once, recipe=Plain(), log=print, on_progress=lambda steps: None)


if __name__ == "__main__":
    main()
