"""Compares single rays with whole views as held-out measurements, which choose a loop for X-rays or combine several.

    python -m benchmarks.inverse.held_out [--slices coins moon] [--size 96]

Total variation and the splitting loops of all levels of `configs/ct.py` recover slices that are in no other table, from
all measurements and without a fifth of the rays or of the views. The rows are gains over total variation: of the loop
with the smallest misfit at what is held out, of the combination that is weighted there (recipes/inverse/guides.py), of
the mean of all candidates, and of the loop that is best by the truth. Half an hour on a CPU core.
"""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from configs import ct
from inrr_jax import plots
from inrr_jax.data.loading import load
from inrr_jax.metrics import psnr
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.recipes.inverse import guides
from inrr_jax.settings import Settings

SLICES = ("coins", "chelsea", "moon", "coffee")
DATA = {
    "10 views": {"data.views": 10},
    "15 views": {"data.views": 15},
    "arc of 120 degrees": {"data.views": 60, "data.arc": 120.0},
}
SEED = 7
KINDS = {"rays": False, "views": True}
RULES = (
    "loop by rays",
    "combined by rays",
    "loop by views",
    "combined by views",
    "mean",
    "loop by truth",
)
COLUMNS = {"data": "{data}", "slice": "{slice}", "total variation / dB": "{tv:.2f}"}
COLUMNS |= {rule: f"{{gains[{rule}]:+.2f}}" for rule in RULES}


def settings_of(image: str, data: str, size: int) -> Settings:
    """Return the settings of the recipe for a slice and its data."""
    return change(ct.SETTINGS, {"data.image": image, "data.size": size, "data.seed": SEED, **DATA[data]})


def gains(problem: Problem, settings: Settings) -> tuple[float, dict[str, float]]:
    """Return the PSNR of total variation, and what each rule gains over it, in dB."""
    shape = np.shape(problem.measurements)
    whole = guides.candidates(problem.visible, settings.prior)
    scores = [psnr(values, problem.truth) for values in whole]
    weights = {"mean": np.full(len(whole), 1 / len(whole)), "loop by truth": _one(-np.array(scores))}
    for kind, blocks in KINDS.items():
        fitted, held = problem.operator.hold_out(shape, 0, guides.SHARE, blocks)
        hidden = guides.candidates(problem.visible._replace(operator=fitted), settings.prior)
        weights[f"combined by {kind}"] = guides.weigh(problem, held, hidden)
        weights[f"loop by {kind}"] = _one(
            [held.distance(jnp.asarray(each), jnp.asarray(problem.measurements)) for each in hidden]
        )
    found = {rule: psnr(np.tensordot(weights[rule], whole, 1), problem.truth) - scores[0] for rule in RULES}
    return float(scores[0]), {rule: float(gain) for rule, gain in found.items()}


def _one(errors) -> np.ndarray:
    """Return the weights that take the loop with the smallest error; the first candidate is no loop."""
    return np.eye(len(errors))[1 + int(np.argmin(np.asarray(errors)[1:]))]


def row(image: str, data: str, size: int) -> dict[str, Any]:
    """Return the row of a slice and its data."""
    settings = settings_of(image, data, size)
    score, found = gains(load(settings.data, settings.mask), settings)
    return {"slice": image, "data": data, "tv": score, "gains": found}


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with the means over the slices."""
    found = []
    for data in dict.fromkeys(each["data"] for each in rows):
        own = [each for each in rows if each["data"] == data]
        average = {rule: float(np.mean([each["gains"][rule] for each in own])) for rule in RULES}
        found.append({"slice": "mean", "data": data, "tv": float(np.mean([e["tv"] for e in own])), "gains": average})
    return found


def figure(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draw the gains over the slices, one panel for all data of a kind."""
    panels = {}
    for data in dict.fromkeys(each["data"] for each in rows):
        own = [each["gains"] for each in rows if each["data"] == data]
        by_rule = {rule: measure.quartiles([gained[rule] for gained in own]) for rule in RULES}
        panels[f"{data}: gain over total variation / dB"] = by_rule
    plots.bars(path, panels)


def main() -> None:
    """Measure all slices, and write the report and a figure."""
    parser = measure.arguments("held_out", __doc__)
    parser.add_argument("--slices", nargs="+", default=list(SLICES), help="bundled pictures")
    parser.add_argument("--size", type=int, default=96, help="pixels along each side")
    flags = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for data in DATA:
        for image in flags.slices:
            rows.append(row(image, data, flags.size))
            print(measure.table(rows[-1:], COLUMNS).splitlines()[-1], flush=True)
    measure.write(flags.workdir, "held_out", {"rows": rows}, measure.table([*rows, *means(rows)], COLUMNS))
    figure(flags.workdir / "held_out.png", rows)


if __name__ == "__main__":
    main()
