"""Compares fields and regularisers in full waveform inversion, on synthetic grounds of several seeds.

    python -m benchmarks.waveform [--seeds=5] [--starts linear smoothed] [--lowest 5 3] [--noise 0] [--methods grid+tv]
        [--docs=docs]

Weights of regularisers are chosen on another ground than those of the table (seed 100), once for each share of noise,
from the linear start at 5 Hz, by the error of the velocity there. Fits for this choice hold one shot out, whose misfit
(`held`) shows what a choice without the true velocity would be. The true velocities of the table's grounds are used for
scores alone. Every fit has a row as soon as it ends, its velocity is in the folder `velocities`, and a run that is
started again continues. With --docs, the tables of docs/fwi.md, its figure and docs/fwi.csv are written anew.

Errors are root mean squared errors of the velocity in m/s, below the water, and in the half of these nodes to which the
records are most sensitive (`sensitive`). Seconds are those of the processors, because other load on the machine does
not change them.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from benchmarks import measure
from benchmarks.waveform_report import KEY, RELATIVE, START, report, title
from configs.fwi import SETTINGS
from inrr_jax.data.kinds.inverse import fwi
from inrr_jax.io.writers import write_json
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.reports import report_of
from inrr_jax.settings import Settings
from inrr_jax.training import fit

GROUNDS = ("fault", "salt", "lens", "curved", "gas")
"""What the ground of each seed has, in turn."""
DEVELOPMENT = 100
"""Seed of the ground on which weights are chosen."""
FIELDS: dict[str, dict[str, Any]] = {
    "siren": {},
    "tucker": {"field.name": "tucker", "optimizer.field_rate": 3e-4},
    "grid": {"field.name": "grid", "optimizer.field_rate": 0.01},
}
"""Settings of each field."""
TERMS: dict[str, tuple[float, ...]] = {
    "none": (0.0,),
    "grid": (1.0, 10.0),
    "tv": (0.1, 1.0),
    "inrr": (0.3, 1.0, 3.0, 10.0),
    "air": (0.1, 1.0),
    f"grid{RELATIVE}": (1.0, 3.0, 10.0, 30.0),
    f"tv{RELATIVE}": (0.1, 1.0),
    f"inrr{RELATIVE}": (0.3, 1.0, 3.0, 10.0, 30.0),
}
"""Candidate weights of each term. `grid` is Tikhonov's energy of order 1. An energy of the difference can have a larger
weight, because it does not draw the velocity away from the start model."""
METHODS = tuple(f"{field}+{term}" for field in FIELDS for term in TERMS)
SHOWN = (
    "start+none",
    "grid+tv",
    f"grid+grid{RELATIVE}",
    "siren+none",
    f"siren+inrr{RELATIVE}",
    "tucker+none",
    f"tucker+inrr{RELATIVE}",
)
"""Methods in figures of velocities."""
FIGURE = ("lens", 2)
"""Ground of the figure in the documentation, with the linear start, from 5 Hz and without noise."""
PROBES = 16
"""Random records by which the sensitivity is estimated."""


class Rows:
    """The rows of all finished fits, in a folder."""

    def __init__(self, folder: Path):
        """Read the rows of earlier runs."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "rows.json"
        self.rows: list[dict[str, Any]] = json.loads(self._path.read_text()) if self._path.exists() else []

    def get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """Return the row of a key, if there is one."""
        return next((row for row in self.rows if all(row[name] == key[name] for name in KEY)), None)

    def add(self, row: dict[str, Any], values: np.ndarray) -> None:
        """Write the values of a fit on the grid, and all rows with the new one."""
        path = self._values(row)
        path.parent.mkdir(exist_ok=True)
        np.save(path, values)
        self.rows.append(row)
        write_json(self._path, self.rows)

    def _values(self, row: dict[str, Any]) -> Path:
        return self._path.parent / "velocities" / ("_".join(f"{row[name]}" for name in KEY) + ".npy")

    def values(self, case: dict[str, Any]) -> dict[str, Float[np.ndarray, "nz nx 1"]]:
        """Return the values of the rows of a case by method and error, for the methods of figures."""
        rows = [row for row in self.rows if row["stage"] == "table" and case.items() <= row.items()]
        shown = [row for method in SHOWN for row in rows if f"{row['field']}+{row['term']}" == method]
        return {f"{title(row)}: {row['rmse']:.0f} m/s": np.load(self._values(row)) for row in shown}


def make(case: dict[str, Any]) -> Problem:
    """Return the problem of a case."""
    config = replace(
        SETTINGS.data, model=case["ground"], model_seed=case["seed"], start=case["start"], lowest=case["lowest"],
        noise=case["noise"], noise_seed=case["seed"],
    )  # fmt: skip
    assert isinstance(config, fwi.Config)
    return config.problem(config.read(), SETTINGS.mask)


def settings_of(field: str, term: str, weight: float) -> Settings:
    """Return the settings of a method."""
    name = term.removesuffix(RELATIVE)
    changes = {**FIELDS[field], "regularizer.name": name, "regularizer.reference": "start" if name != term else "zero"}
    return change(SETTINGS, changes if name == "none" else {**changes, f"regularizer.{name}.weight": weight})


def held_out(problem: Problem, share: float) -> tuple[Problem, Any]:
    """Return the problem without a share of its shots, and the operator of the shots that were held out."""
    shape = problem.measurements.shape
    fitted, held = problem.operator.hold_out(shape, 0, share)
    stages = tuple((operator.hold_out(shape, 0, share)[0], measured) for operator, measured in problem.stages)
    return problem._replace(operator=fitted, stages=stages), held


@cache
def sensitive(lowest: float) -> Bool[np.ndarray, "nz nx"]:
    """Return where the records of the linear start model are most sensitive to the velocity: half of the ground.

    With the Jacobian J of the weighted records, the sensitivity of a node is the diagonal of J^T J, which is the mean
    of (J^T r)² over random records r of unit variance. It is the same for all grounds and methods.
    """
    from scipy.ndimage import gaussian_filter

    problem = make({"ground": GROUNDS[0], "seed": DEVELOPMENT, "start": "linear", "lowest": lowest, "noise": 0.0})
    operator, start = problem.operator, jnp.asarray(problem.auxiliary["start"], jnp.float32)

    @jax.jit
    def pulled(key):
        _, pull = jax.vjp(lambda values: operator.weights * operator.apply(values), start)
        return pull(jax.random.normal(key, problem.measurements.shape))[0][..., 0] ** 2

    total = sum(np.asarray(pulled(key)) for key in jax.random.split(jax.random.key(0), PROBES))
    smooth = gaussian_filter(total, 2.0, mode="nearest")
    found = smooth > np.median(smooth[operator.water[0] :])
    found[: operator.water[0]] = False
    return found


def scores(values: Float[np.ndarray, "nz nx 1"], problem: Problem, lowest: float) -> dict[str, float | None]:
    """Return the scores of the report, and the error in the half to which the records are most sensitive."""
    assert problem.truth is not None
    assert problem.units is not None
    error = float(problem.units.scale[0]) * (np.clip(values, 0, 1) - problem.truth)[sensitive(lowest)]
    half = float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))
    return {**report_of("fwi").score(values, problem), "half": half}


def solve(rows: Rows, problem: Problem, key: dict[str, Any], held: Any = None) -> dict[str, Any]:
    """Fit, write the values, and return the new row: scores of the fit, and the misfit of held-out shots."""
    start = time.process_time()
    values = fit.solve(problem, settings_of(key["field"], key["term"], key["weight"]))
    row = {**key, "seconds": time.process_time() - start, **scores(values, problem, key["lowest"])}
    if held is not None:
        row["held"] = float(held.distance(jnp.asarray(values), jnp.asarray(problem.measurements)))
    rows.add(row, values)
    print({name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()}, flush=True)
    return row


def choose(rows: Rows, field: str, term: str, noise: float) -> float:
    """Return the weight whose fit has the smallest error of the velocity, on a ground of its own."""
    if len(TERMS[term]) == 1:
        return TERMS[term][0]
    case = {"ground": GROUNDS[0], "seed": DEVELOPMENT, "start": "linear", "lowest": 5.0, "noise": noise}
    found, problem = [], None
    for weight in TERMS[term]:
        key = {"stage": "choice", **case, "field": field, "term": term, "weight": weight}
        row = rows.get(key)
        if row is None:
            problem = problem or held_out(make(case), 1 / 8)
            row = solve(rows, problem[0], key, problem[1])
        found.append((row["rmse"], weight))
    return min(found)[1]


def run(rows: Rows, cases: Sequence[dict[str, Any]], methods: Sequence[str]) -> None:
    """Score the start models, and fit all cases with all methods, those that have no row yet."""
    problems: dict[int, Problem] = {}

    def problem_of(i: int) -> Problem:
        problems[i] = problems.get(i) or make(cases[i])
        return problems[i]

    for i, case in enumerate(cases):
        key = {"stage": "table", **case, "field": START, "term": "none", "weight": 0.0}
        if rows.get(key) is None:
            problem = problem_of(i)
            start = np.asarray(problem.auxiliary["start"])
            rows.add({**key, "seconds": 0.0, **scores(start, problem, case["lowest"])}, start)
    for field, term in (method.split("+") for method in methods):
        weight = choose(rows, field, term, cases[0]["noise"])
        for i, case in enumerate(cases):
            key = {"stage": "table", **case, "field": field, "term": term, "weight": weight}
            if rows.get(key) is None:
                solve(rows, problem_of(i), key)


def draw(rows: Rows, folder: Path, case: dict[str, Any]) -> Path:
    """Draw the true velocity of a case, and those of the methods of figures."""
    from inrr_jax.plots.inverse import survey

    problem = make(case)
    assert problem.truth is not None
    assert problem.units is not None
    assert problem.domain.spacing is not None
    shown = {"true velocity": problem.truth, **rows.values(case)}
    models = {name: problem.units.to_own(np.clip(np.asarray(values), 0, 1))[..., 0] for name, values in shown.items()}
    truth = models["true velocity"]
    path = folder / ("models_" + "_".join(str(value) for value in case.values()) + ".png")
    survey.models(path, models, problem.domain.spacing, (float(truth.min()), float(truth.max())))
    return path


def main() -> None:
    """Fit all cases with all methods, and write the report after each kind of case."""
    parser = measure.arguments("waveform", __doc__)
    parser.add_argument("--seeds", type=int, default=5, help="grounds")
    parser.add_argument("--starts", nargs="+", default=["linear", "smoothed"], help="start models")
    parser.add_argument("--lowest", nargs="+", type=float, default=[5.0, 3.0], help="lowest frequencies in Hz")
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0, 0.1], help="shares of noise")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="fields and terms")
    parser.add_argument("--docs", type=Path, help="folder of fwi.md, whose tables and figure are replaced")
    flags = parser.parse_args()
    rows = Rows(flags.workdir)
    for lowest in flags.lowest:
        for start in flags.starts:
            for noise in flags.noise:
                common = {"start": start, "lowest": lowest, "noise": noise}
                cases = [{"ground": GROUNDS[s % len(GROUNDS)], "seed": s, **common} for s in range(flags.seeds)]
                run(rows, cases, flags.methods)
                report(flags.workdir, rows.rows)
                for case in cases:
                    draw(rows, flags.workdir, case)
    if flags.docs:
        report(flags.workdir, rows.rows, flags.docs)
        ground, seed = FIGURE
        case = {"start": "linear", "lowest": 5.0, "noise": 0.0, "ground": ground, "seed": seed}
        shutil.copy(draw(rows, flags.workdir, case), flags.docs / "figures" / "fwi_fields.png")


if __name__ == "__main__":
    main()
