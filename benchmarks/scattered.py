"""Interpolation of scattered points: `inrr_jax.interpolate`, and what a user would otherwise use, on the same points.

    python -m benchmarks.scattered

Nodes of known grids are the points, and all other nodes the truth: elevations around the Jacksboro fault (matplotlib),
and the air temperature over North America in 60 years (iris-sample-data: pip install inrr-jax[data]). Errors are root
mean squared errors in metres and kelvin at up to 20,000 nodes, with one draw of the points per seed. Ten minutes on two
CPU cores. `network` is the field that `Interpolation.field` fits, evaluated at the same nodes.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import inrr_jax
from benchmarks import measure
from inrr_jax import plots
from inrr_jax.baselines.points import POINTS
from inrr_jax.data import masks, points, sources
from inrr_jax.data.arrays import read

QUERIES = 20_000
METHODS = ("nearest", "idw_scaled", "linear_scaled", "clough_tocher", "thin_plate", "thin_plate_scaled")
METHODS += ("kriging", "kriging_scaled", "gaussian_process")
COLUMNS = {"points": "{case}", "M": "{count}", "method": "{method}", "error": "{rmse:.3f}", "sd": "{sd:.3f}"}
COLUMNS |= {"90 % interval covers": "{cover:.1%}", "seconds": "{seconds:.1f}"}


class Case(NamedTuple):
    """Points that are drawn from a grid."""

    source: str
    crop: str
    mode: str
    rate: float
    axis: int = -1


CASES = {
    "elevation, 1 %": Case("jacksboro", "", "random", 0.99),
    "elevation, 5 %": Case("jacksboro", "", "random", 0.95),
    "elevation, 1 %, fewer in the east": Case("jacksboro", "", "density", 0.99),
    "temperature, 1 %": Case("air_temperature", ":60", "random", 0.99),
    "temperature, 5 % of the stations": Case("air_temperature", ":60", "fibers", 0.95, 0),
}


class Drawn(NamedTuple):
    """Points and values, and positions with the truth there."""

    points: np.ndarray
    values: np.ndarray
    query: np.ndarray
    truth: np.ndarray


def draw(case: Case, seed: int, queries: int = QUERIES) -> Drawn:
    """Draw the points of a case, and positions among the other nodes."""
    signal = read(sources.find(case.source), crop=case.crop)
    grid = signal.values.shape[:-1]
    options = {} if case.mode == "density" else {"axis": case.axis}
    observed = np.asarray(masks.make(jax.random.key(seed), grid, case.mode, case.rate, **options))
    step = np.array(signal.spacing or (1.0,) * len(grid))
    sample = points.sample(signal.values, observed, tuple(step))
    others = np.argwhere(~observed)
    others = others[np.random.default_rng(seed).permutation(len(others))[:queries]]
    return Drawn(*sample, others * step, signal.values[tuple(others.T)])


def compare(drawn: Drawn, methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return error and seconds of every method, and of ours the share of the truth within the 90 % intervals."""
    rows = []
    for name in methods:
        entry = POINTS[name]
        if drawn.points.shape[1] <= entry.dimensions and len(drawn.points) <= entry.largest:
            rows.append(_timed(name, drawn, lambda entry=entry: entry.interpolate(*drawn[:3])))
    found: list[Any] = []
    rows.append(_timed("interpolate", drawn, lambda: _interpolate(drawn, found)))
    mean, deviation = found[0](drawn.query, return_std=True)
    rows[-1]["cover"] = float(np.mean(np.abs(mean - drawn.truth) < 1.645 * deviation[:, None]))
    return [*rows, _timed("network", drawn, lambda: found[0].field()(drawn.query))]


def _interpolate(drawn: Drawn, found: list[Any]) -> np.ndarray:
    """Return our values at the positions, and keep the interpolation."""
    found.append(inrr_jax.interpolate(*drawn[:2]))
    return found[0](drawn.query)


def _timed(name: str, drawn: Drawn, recover: Callable[[], np.ndarray]) -> dict[str, Any]:
    start = time.perf_counter()
    recovered = recover()
    rmse = float(np.sqrt(np.mean(np.square(recovered - drawn.truth, dtype=np.float64))))
    return {"method": name, "rmse": rmse, "seconds": time.perf_counter() - start}


def over_seeds(case: str, drawn: Sequence[Drawn], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per method with the mean and the standard deviation of its error over the seeds."""
    runs = [{row["method"]: row for row in compare(one, methods)} for one in drawn]
    rows = []
    for name in runs[0]:
        each = [run[name] for run in runs if name in run]
        row = {"case": case, "count": len(drawn[0].points), "method": name, "seeds": len(each)}
        row |= {key: float(np.mean([one[key] for one in each])) for key in each[0] if key != "method"}
        rows.append(row | {"sd": float(np.std([one["rmse"] for one in each]))})
    return rows


def main() -> None:
    """Compare all methods on all cases, and write the report and a figure."""
    parser = measure.arguments("scattered", __doc__)
    parser.add_argument("--seeds", type=int, default=3, help="draws of the points")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), help="which points")
    parser.add_argument("--methods", nargs="*", choices=POINTS, default=list(METHODS), help="methods besides ours")
    flags = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for case in flags.cases:
        drawn = [draw(CASES[case], seed) for seed in range(flags.seeds)]
        rows += over_seeds(case, drawn, flags.methods)
        print(measure.table(rows[-len(flags.methods) - 2 :], COLUMNS), flush=True)
    text = measure.table(rows, COLUMNS) + f"\n\nMeans over {flags.seeds} draws of the points, with seeds 0, 1, ...;"
    text += " seconds on a machine that may be shared. sd is the standard deviation of the error over the draws."
    measure.write(flags.workdir, "scattered", {"rows": rows}, text)
    panels = {case: {row["method"]: _spread(row) for row in rows if row["case"] == case} for case in flags.cases}
    plots.bars(flags.workdir / "scattered.png", panels)


def _spread(row: dict[str, Any]) -> dict[str, float]:
    return {"median": row["rmse"], "low": row["rmse"] - row["sd"], "high": row["rmse"] + row["sd"]}


if __name__ == "__main__":
    main()
