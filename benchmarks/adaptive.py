"""Weights, omega and the number of steps without the truth: rules that need one fit, against a grid of fits.

    python -m benchmarks.adaptive [--folder=REFERENCE] [--parts weights stopping] [--seeds 1] [--workdir=runs/adaptive]

Five pictures of 128 x 128 grey pixels under five masks: bundled ones under drawn masks, or, with --folder, the centres
of its pictures images/*.png under masks/{text,text2,random50,random80,patch}.png. Every fit is a SIREN of width 96 with
the term inrr, 300 steps of 6 rows and 6 columns. `weights` compares rules for lambda and omega with the choice among
four candidates by held-out pixels and by the truth; `stopping` compares rules for the last step of a plain SIREN under
noise. Finished rows are kept in --workdir and not run again. About half an hour on two free CPU cores.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import adaptation, features, measure, stopping
from inrr_jax import metrics, plots
from inrr_jax.baselines.holdout import Split, hold_out
from inrr_jax.data import images, masks
from inrr_jax.io.results import Results
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.types import Row

SIDE = 128
PARTS = ("weights", "stopping")
COLUMNS = {
    "rule": "{name}",
    "PSNR / dB": "{psnr:.2f}",
    "over the grid's choice": "{gain:+.2f}",
    "standard deviation": "{spread:.2f}",
    "worst": "{worst:+.2f}",
    "over the default (standard error)": "{more:+.2f} ({error:.2f})",
    "at most 0.1 dB below": "{wins} of {cases}",
    "CPU seconds / one fit": "{cost:.2f}",
}
PICTURES = ("camera", "astronaut", "coffee", "chelsea", "moon")
MASKS = {"text": 0.125, "random50": 0.5, "random80": 0.8, "density": 0.5, "blocks": 0.5}
FILES = ("text", "text2", "random50", "random80", "patch")
KEYS = ("picture", "mask", "seed", "rule", "candidate")
DEFAULT = (15.0, 0.03)
CANDIDATES = tuple((omega, weight) for omega in (15.0, 30.0) for weight in (0.03, 0.13))
"""Omega at 256 pixels, to which it is proportional, and lambda: those of experiments/methods.py."""
START = change(
    Settings(),
    {
        "field.width": 96,
        "field.precision": "float32",
        "regularizer.name": "inrr",
        "train.steps": 300,
        "train.fibers": 6,
        "train.chunk": 300,
    },
)
STARTS = tuple(candidate for candidate in CANDIDATES if candidate[1] == DEFAULT[1])
"""Where a fit with adaptive weights begins."""


FOUND = {
    "picture": "{picture}",
    "mask": "{mask}",
    "seed": "{seed}",
    "grid by held-out pixels": "{grid}",
    "grid by the truth": "{truth}",
    "omega by features": "{features:g}",
    "hypergradient, lambda of the rows, columns": "{axes[0]:.3f}, {axes[1]:.3f}",
    "hypergradient, omega too": "{omega:.1f}",
}


def cases(folder: str, side: int, pictures: int = 5) -> Iterator[tuple[str, str, Problem]]:
    """Yield every picture under every mask, with their names."""
    paths = {path.stem: str(path) for path in sorted(Path(folder).glob("images/*.png"))} if folder else {}
    for name in list(paths or PICTURES)[:pictures]:
        image = images.load(paths[name], grey=True) if folder else images.load(name, size=side, grey=True)
        image = _centre(image, side)
        for mask in FILES if folder else MASKS:
            yield name, mask, masked(image, _mask(folder, mask, side))


def _centre(array: np.ndarray, side: int) -> np.ndarray:
    """Return the central side x side pixels."""
    top, left = ((size - side) // 2 for size in array.shape[:2])
    return array[top : top + side, left : left + side]


def _mask(folder: str, name: str, side: int) -> np.ndarray:
    """Return a mask, True where observed."""
    if folder:
        return _centre(images.load(f"{folder}/masks/{name}.png")[..., 0] > 0.5, side)
    mode, size = name.rstrip("0123456789"), {"size": side // 10} if name == "blocks" else {}
    return np.asarray(masks.make(jax.random.key(1), (side, side), mode, MASKS[name], **size))


def with_candidate(settings: Settings, candidate: tuple[float, float], side: int) -> Settings:
    """Return the settings with the omega and the weight of a candidate."""
    return change(settings, {"field.omega": candidate[0] * side / 256, "regularizer.inrr.weight": candidate[1]})


def jobs(problem: Problem, split: Split, start: Settings) -> dict[tuple[str, str], Callable[[], Row]]:
    """Return what makes each row of a case, by rule and candidate."""
    side, hidden = problem.domain.shape[0], holdout.restrict(problem, split.training)

    def trial(settings):
        return {"error": holdout.error(fit.solve(hidden, settings), np.asarray(problem.measurements), split.held)}

    def fixed(settings):
        return _scores(fit.solve(problem, settings), problem)

    def adapted(settings, rule):
        return _adapted(adaptation.solve(problem, split.held, settings, rule), problem, settings)

    def uncertain(settings):
        return _adapted(adaptation.uncertain(problem, settings), problem, settings)

    def guessed():
        omegas = [omega for omega, _ in STARTS]
        found = features.errors(problem, split, [omega * side / 256 for omega in omegas], start.seed)
        return {"errors": found.tolist(), "omega": omegas[int(found.argmin())]}

    made = {("features", ""): guessed}
    for candidate in CANDIDATES:
        settings, name = with_candidate(start, candidate, side), label(candidate)
        made["trial", name], made["fixed", name] = partial(trial, settings), partial(fixed, settings)
        if candidate in STARTS:
            made["hypergradient", name] = partial(adapted, settings, adaptation.Rule())
        if candidate == DEFAULT:
            made["with omega", name] = partial(adapted, settings, adaptation.Rule(omega=True))
            made["at the mean", name] = partial(adapted, settings, adaptation.Rule(mean=0.8))
            made["uncertainty", name] = partial(uncertain, settings)
    return made


def label(candidate: tuple[float, float]) -> str:
    """Return a candidate as text."""
    return "{:g}, {:g}".format(*candidate)


def _scores(values: np.ndarray, problem: Problem) -> Row:
    return {"psnr": float(metrics.score(values, problem)["psnr_missing"])}


def _adapted(found: adaptation.Adapted, problem: Problem, settings: Settings) -> Row:
    """Return the score of a fit with adaptive weights, and the weight of each axis after every change."""
    values = np.asarray(fit.recover(found.state.params, found.hyper, problem.domain, settings))
    first = settings.regularizer.inrr.weight
    path = [[first * float(np.exp(logs["weight"]["inrr"] + axis)) for axis in logs["axes"]] for logs in found.history]
    omegas = [settings.field.omega * float(np.exp(logs["omega"])) for logs in found.history if "omega" in logs]
    return _scores(values, problem) | {"path": path, "omegas": omegas}


def run(results: Results, flags: Any) -> None:
    """Add the rows that the results do not have yet."""
    warm: set[str] = set()
    for seed in range(flags.seeds):
        start = change(START, {"seed": seed})
        for picture, mask, problem in cases(flags.folder, SIDE, flags.pictures):
            split = hold_out(jax.random.key(seed), np.asarray(problem.operator.mask))
            made = jobs(problem, split, start) if "weights" in flags.parts else {}
            if "stopping" in flags.parts and mask in stopping.MASKS:
                for name in stopping.FITS:
                    made["stopping", name] = partial(stopping.row, problem, split, start, name)
            for (rule, candidate), job in made.items():
                key = dict(zip(KEYS, (picture, mask, seed, rule, candidate), strict=True))
                if key not in results:
                    results.add([key | _timed(job, rule, warm)])
        print(f"seed {seed}, {picture}", flush=True)


def _timed(job: Callable[[], Row], rule: str, warm: set[str]) -> Row:
    """Return a row with its seconds, on the clock and of all cores together, without those of compilation."""
    if rule not in warm and rule not in ("features", "stopping"):
        job()  # compiles
        warm.add(rule)
    clock, cpu = time.perf_counter(), time.process_time()
    found = job()
    return found | {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu}


def compare(rows: list[Row]) -> dict[str, list[tuple[float, float]]]:
    """Return, for each rule, the PSNR in dB and the CPU seconds of every case, as the rows of the case give them."""
    found: dict[str, list[tuple[float, float]]] = {}
    for case in _by_case(rows):
        guess = case["features", ""]
        begin, guessed = label(DEFAULT), label((guess["omega"], DEFAULT[1]))
        trials = {name: row for (rule, name), row in case.items() if rule == "trial"}
        fits = {name: row for (rule, name), row in case.items() if rule == "fixed"}
        best = min(trials, key=lambda name: trials[name]["error"])
        chosen = {
            "fixed default": (fits[begin], 0.0),
            "grid of 4 by held-out pixels": (fits[best], sum(row["cpu"] for row in trials.values())),
            "grid of 4 by the truth": (max(fits.values(), key=lambda row: row["psnr"]), 3 * fits[best]["cpu"]),
            "uncertainty": (case["uncertainty", begin], 0.0),
            "hypergradient": (case["hypergradient", begin], 0.0),
            "hypergradient at the mean": (case["at the mean", begin], 0.0),
            "hypergradient, omega too": (case["with omega", begin], 0.0),
            "omega by features": (fits[guessed], guess["cpu"]),
            "omega by features, hypergradient": (case["hypergradient", guessed], guess["cpu"]),
        }
        for name, (row, more) in chosen.items():
            found.setdefault(name, []).append((row["psnr"], row["cpu"] + more))
    return found


def _by_case(rows: list[Row]) -> list[dict[tuple[str, str], Row]]:
    """Group the rows by picture, mask and seed, and each group by rule and candidate, without incomplete groups."""
    grouped: dict[tuple, dict[tuple[str, str], Row]] = {}
    for row in rows:
        if row["rule"] != "stopping":
            grouped.setdefault(tuple(row[key] for key in KEYS[:3]), {})[row["rule"], row["candidate"]] = row
    full = max(map(len, grouped.values()), default=0)
    return [group for group in grouped.values() if len(group) == full]


def weights_table(rows: list[Row]) -> str:
    """Return the table of the rules for lambda and omega, in Markdown."""
    found = compare(rows)
    grid = np.array(found["grid of 4 by held-out pixels"])[:, 0]
    default, seconds = np.array(found["fixed default"]).T
    listed = []
    for name, pairs in found.items():
        psnr, cpu = np.array(pairs).T
        gain, more = psnr - grid, psnr - default
        listed.append(
            {"name": name, "psnr": psnr.mean(), "gain": gain.mean(), "spread": gain.std(), "worst": gain.min()}
            | {"wins": int((gain > -0.1).sum()), "cases": len(gain), "cost": float(np.median(cpu) / np.median(seconds))}
            | {"more": more.mean(), "error": measure.standard_error(more)}
        )
    return measure.table(listed, COLUMNS)


def choices_table(rows: list[Row]) -> str:
    """Return what every rule has found in every case, in Markdown."""
    listed = []
    for case in _by_case(rows):
        errors = {name: row["error"] for (rule, name), row in case.items() if rule == "trial"}
        scores = {name: row["psnr"] for (rule, name), row in case.items() if rule == "fixed"}
        adapted, free = case["hypergradient", label(DEFAULT)], case["with omega", label(DEFAULT)]
        listed.append(
            {"grid": min(errors, key=errors.__getitem__), "truth": max(scores, key=scores.__getitem__)}
            | {"features": case["features", ""]["omega"], "axes": adapted["path"][-1], **adapted}
            | {"omega": free["omegas"][-1] * 256 / SIDE}
        )
    return measure.table(listed, FOUND)


def draw(folder: Path, rows: list[Row]) -> None:
    """Draw the gain of every rule over the grid's choice by mask, and the weights of some fits over their changes.

    The rule `uncertainty` is left out: its losses would hide the differences of the others.
    """
    cases = _by_case(rows)
    masks_of = [next(iter(case.values()))["mask"] for case in cases]
    found = {name: np.array(pairs)[:, 0] for name, pairs in compare(rows).items()}
    grid, _ = found.pop("grid of 4 by held-out pixels"), found.pop("uncertainty")
    panels = {
        mask: {name: (psnr - grid)[[own == mask for own in masks_of]] for name, psnr in found.items()}
        for mask in dict.fromkeys(masks_of)
    }
    plots.gains(folder / "weights.png", panels, "the grid's choice by held-out pixels")
    curves: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for case, mask in zip(cases, masks_of, strict=True):
        row = case["hypergradient", label(DEFAULT)]
        for axis, name in enumerate(("rows", "columns")):
            values = [weights[axis] for weights in row["path"]]
            panel = curves.setdefault(f"{mask}: weight of the {name}", {})
            panel[f"{row['picture']}, seed {row['seed']}"] = [1.0 + index for index in range(len(values))], values
    plots.lines(folder / "paths.png", dict(list(curves.items())[:4]), "changes of the weights")


def main() -> None:
    """Run what has no row yet, and write the report and the figures."""
    parser = measure.arguments("adaptive", __doc__)
    parser.add_argument("--folder", default="", help="of reference pictures; without it, bundled pictures")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to compare")
    parser.add_argument("--seeds", type=int, default=1, help="initialisations, and draws of the held-out pixels")
    parser.add_argument("--pictures", type=int, default=5, help="the first ones alone")
    flags = parser.parse_args()
    flags.workdir.mkdir(parents=True, exist_ok=True)
    results = Results(flags.workdir, KEYS)
    run(results, flags)
    report(results.rows, flags.workdir)


def report(rows: list[Row], folder: Path) -> None:
    """Write the tables and the figures of the rows that there are."""
    texts = []
    if _by_case(rows):
        texts += [weights_table(rows), choices_table(rows)]
        draw(folder, rows)
    if stopped := [row for row in rows if row["rule"] == "stopping"]:
        texts.append(stopping.table(stopped))
        stopping.draw(folder / "stopping.png", stopped)
    measure.write(folder, "adaptive", {"rows": len(rows)}, "\n\n".join(texts))


if __name__ == "__main__":
    main()
