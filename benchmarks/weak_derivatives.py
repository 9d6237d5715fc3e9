"""Fits to few, noisy or missing derivatives, with and without an energy: INRR's learned one, and total variation.

python -m benchmarks.weak_derivatives [--workdir=FOLDER] [--seeds=2]

Every energy is tried at three weights, and the table has the best of each, chosen by the truth, the same way for both;
weak_derivatives.json has all. The last column is what a user would otherwise use: the sparse solve of the same
gradient, or the signed distance to the nearest point. It takes half an hour on two CPU cores.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import measure
from configs import poisson as picture
from configs import sdf as surface
from inrr_jax.data import loading
from inrr_jax.data.kinds.equations import poisson, sdf
from inrr_jax.options import change
from inrr_jax.reports import report_of
from inrr_jax.settings import Settings
from inrr_jax.training import fit

PICTURE = change(
    replace(picture.SETTINGS, data=poisson.Config(size=96)),
    {"field.width": 96, "field.omega": 15.0, "train.steps": 300, "train.measurements": 1024, "train.fibers": 6},
)
SURFACE = change(
    replace(surface.SETTINGS, data=sdf.Config(size=33)),
    {"field.width": 96, "train.steps": 400, "train.measurements": 512, "train.fibers": 6},
)
CASES: dict[str, tuple[Settings, dict[str, Any]]] = {
    "gradient, noise 0.1": (PICTURE, {"data.noise": 0.1}),
    "gradient, 60 % missing in clouds": (PICTURE, {"data.missing": 0.6, "mask.mode": "clouds"}),
    "distance, 60 points": (SURFACE, {"data.count": 60}),
    "distance, noise 0.5 on normals": (SURFACE, {"data.count": 1000, "data.noise": 0.5}),
    "distance, uneven points": (SURFACE, {"data.count": 200, "data.uneven": 2.0}),
}
"""Settings of each case, and their changes."""
WEIGHTS = {"none": (0.0,), "inrr": (1e-4, 1e-3, 1e-2), "tv": (1e-5, 1e-4, 1e-3)}
SCORES = {"poisson": ("psnr", "dB"), "sdf": ("mean_error", "of the side")}
"""The score that is compared, and its unit: decibels should be large, errors small."""


def run(cases: Iterable[str], seeds: int, changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per case, term and weight, with the scores of all seeds.

    Args:
        cases: names in `CASES`.
        seeds: number of fits, with seeds from 0.
        changes: of the settings of all cases.
    """
    rows = []
    for case in cases:
        base, own = CASES[case]
        settings = change(base, {**own, **changes})
        problem = loading.load(settings.data, settings.mask)
        report = report_of(settings.data.name)
        score, unit = SCORES[settings.data.name]
        other = next(iter(report.references(problem).values()))
        for term, weights in WEIGHTS.items():
            for weight in weights:
                chosen = change(settings, {"regularizer.name": term, **_weight(term, weight)})
                found = [
                    report.score(fit.solve(problem, replace(chosen, seed=seed)), problem)[score]
                    for seed in range(seeds)
                ]
                rows.append({"case": case, "term": term, "weight": weight, "unit": unit, "scores": found})
                rows[-1]["other"] = report.score(other, problem)[score]
                print(rows[-1], flush=True)
    return rows


def _weight(term: str, weight: float) -> dict[str, float]:
    return {} if term == "none" else {f"regularizer.{term}.weight": weight}


def best(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per case: the mean and spread of each term at the weight that is best on average."""
    table: list[dict[str, Any]] = []
    for case in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == case]
        better = max if own[0]["unit"] == "dB" else min
        cells: dict[str, Any] = {"case": f"{case} ({own[0]['unit']})", "other": _text([own[0]["other"]])}
        for term in WEIGHTS:
            chosen = better((row for row in own if row["term"] == term), key=lambda row: float(np.mean(row["scores"])))
            cells[term] = _text(chosen["scores"])
        table.append(cells)
    return table


def _text(scores: list[float]) -> str:
    return f"{np.mean(scores):.4g}" + (f" ({min(scores):.4g} to {max(scores):.4g})" if len(scores) > 1 else "")


def main() -> None:
    """Run all cases, and write the table."""
    parser = measure.arguments("weak_derivatives", __doc__)
    parser.add_argument("--seeds", type=int, default=2, help="fits of each case, term and weight")
    flags = parser.parse_args()
    rows = run(CASES, flags.seeds, {})
    columns = {"case": "{case}", "without": "{none}", "INRR": "{inrr}", "TV": "{tv}", "otherwise used": "{other}"}
    measure.write(flags.workdir, "weak_derivatives", {"rows": rows}, measure.table(best(rows), columns))


if __name__ == "__main__":
    main()
