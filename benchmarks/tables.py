"""Completion of tables, matrices whose rows have no order: learned graphs of the rows, and what users would else use.

    python -m benchmarks.tables [--workdir=FOLDER] [--seeds 3] [--share 0.5]

COVID-19 serology of tensorly (438 samples, 66 antibodies), and scikit-learn's wines (178, 13 features), breast cancers
(569, 30) and digits (300, 64), the features divided by their deviations. Half of the entries are missing at random; the
rows are shuffled. Errors are root mean squared errors in those units. A deep matrix factorisation (`dmf`) has no term,
AIR's free graphs, INRR's graphs of the meaningless positions, or INRR's graph of the features of the rows; each weight
is chosen by held-out entries. Three minutes for each seed on two busy CPU cores.
"""

import numpy as np
from jaxtyping import Bool, Float

from benchmarks import measure
from inrr_jax import plots
from inrr_jax.baselines.holdout import hold_out_fifth
from inrr_jax.baselines.matrices import MATRICES
from inrr_jax.data import sources
from inrr_jax.data.arrays import read
from inrr_jax.data.units import units_of
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.recipes import pipeline
from inrr_jax.recipes.holdout import choose, restrict
from inrr_jax.settings import Settings

Matrix = Float[np.ndarray, "rows columns"]
TERMS: dict[str, tuple[str, tuple[float, ...]]] = {
    "dmf": ("none", (0.0,)),
    "dmf+air": ("air", (0.1, 0.5, 2.0)),
    "dmf+inrr": ("inrr", (0.1, 0.5, 2.0)),
    "dmf+inrr_features": ("inrr_features", (0.1, 0.5, 2.0)),
}
"""The term of each fit, and the weights among which held-out entries choose."""
BASE = change(
    Settings(),
    {
        "field.name": "dmf",
        "optimizer.name": "adam",
        "optimizer.field_rate": 2e-2,
        "train.steps": 400,
        "train.chunk": 400,
        "train.fibers": 0,
    },
)


def tables() -> dict[str, Matrix]:
    """Return the tables by name, each feature divided by its standard deviation."""
    from sklearn import datasets

    found = {
        "serology": read(sources.find("covid_serology")).values[..., 0].reshape(438, -1),
        "wine": datasets.load_wine().data,
        "cancer": datasets.load_breast_cancer().data,
        "digits": datasets.load_digits().data[:300],
    }
    scaled = {name: (table - table.mean(0)) / np.maximum(table.std(0), 1e-9) for name, table in found.items()}
    return {name: np.random.default_rng(0).permutation(table).astype(np.float32) for name, table in scaled.items()}


def problem_of(table: Matrix, mask: Bool[np.ndarray, "rows columns"]) -> Problem:
    """Return the problem of recovering a table."""
    units = units_of(table[..., None], mask)
    return masked(units.to_unit(table[..., None]), mask, truth=False, bounds=None)._replace(units=units)


def recover(problem: Problem, term: str, weights: tuple[float, ...]) -> Matrix:
    """Return the recovery of a factorisation with a term, whose weight held-out entries choose."""
    split = hold_out_fifth(np.asarray(problem.operator.mask))

    def settings(weight):
        return change(BASE, {"regularizer.name": term} | ({f"regularizer.{term}.weight": weight} if weight else {}))

    def error(weight):
        found = pipeline.solve(restrict(problem, split.training), settings(weight))
        return float(np.mean(np.square(found - problem.measurements)[split.held]))

    weight = choose(weights, [error(w) for w in weights]) if len(weights) > 1 else weights[0]
    return problem.units.to_own(pipeline.solve(problem, settings(weight)), np.float32)[..., 0]


def errors(table: Matrix, share: float, seed: int) -> dict[str, float]:
    """Return the root mean squared error of every method on one draw of the missing entries."""
    mask = np.random.default_rng(seed).random(table.shape) >= share
    problem = problem_of(table, mask)
    found = {name: entry.complete(table[..., None], mask)[..., 0] for name, entry in MATRICES.items()}
    found |= {name: recover(problem, *options) for name, options in TERMS.items()}
    return {name: float(np.sqrt(np.mean(np.square(values - table)[~mask]))) for name, values in found.items()}


def main() -> None:
    """Compare all methods on all tables, and write the report and a figure."""
    parser = measure.arguments("tables", __doc__)
    parser.add_argument("--seeds", type=int, default=3, help="draws of the missing entries")
    parser.add_argument("--share", type=float, default=0.5, help="of the entries that is missing")
    flags = parser.parse_args()
    rows, panels = [], {}
    for name, table in tables().items():
        runs = [errors(table, flags.share, seed) for seed in range(flags.seeds)]
        panels[name] = {m: measure.quartiles([run[m] for run in runs]) for m in runs[0]}
        own = {m: [run[m] for run in runs] for m in runs[0]}
        rows += [{"table": name, "method": m, "mean": np.mean(e), "sd": np.std(e)} for m, e in own.items()]
        print(measure.table(rows[-len(own) :], {"table": "{table}", "method": "{method}", "error": "{mean:.3f}"}))
    columns = {"table": "{table}", "method": "{method}", "error": "{mean:.3f}", "sd": "{sd:.3f}"}
    measure.write(flags.workdir, "tables", {"rows": rows}, measure.table(rows, columns))
    plots.bars(flags.workdir / "tables.png", panels)


if __name__ == "__main__":
    main()
