"""What a network adds to the patch groups of `inrr_jax.inpaint`, by missing rate and texture.

    python -m benchmarks.network_gain [--size=128] [--pictures camera grass] [--rates 0.9] [--seeds 0 1] [--docs=docs]
    python -m benchmarks.network_gain --methods "falling guide weight" "group functions" --pictures camera brick

Grey pictures with random pixels missing. `grouped` is the recovery without a network, and `network` the method
`siren+guide/stacked`: a network is fitted to the observed pixels and to `grouped`, corrected, refined by patch groups,
and blended with `grouped` by weights that held-out pixels choose. `5 % held out` is `grouped` with fewer of these.
All other methods put other values into the place of the network's and differ in nothing else: controls without a
network, and variations of the fit (benchmarks/network_variants.py). A seed draws the mask and the initial parameters.
Finished rows are kept in --workdir and not run again. Each picture and rate takes about a minute of one CPU core.
With --docs the tables of docs/quality.md and their figure are written anew, from all rows that are there.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from benchmarks import measure
from benchmarks.network_variants import CONTROLS, VARIANTS, Solve
from inrr_jax import metrics, plots
from inrr_jax.data import images, masks
from inrr_jax.experiments.tables import markdown
from inrr_jax.io.results import Results
from inrr_jax.operators.masking import masked
from inrr_jax.options import to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import blending, pipeline, stacking
from inrr_jax.recipes.pipeline import Prepared
from inrr_jax.settings import RECIPE, Settings
from inrr_jax.training import fit
from inrr_jax.types import Image, Mask, Row

PICTURES = ("camera", "grass", "coins", "brick", "chelsea")
RATES = (0.9, 0.8, 0.95, 0.5, 0.7)
"""In this order, so that a run that is stopped has the most informative rows."""
SOLVES: dict[str, Solve] = {"network": fit.solve, **CONTROLS, **VARIANTS}
"""What gives the values that are blended with `grouped`, by method."""
GROUPED, FEWER = "grouped", "5 % held out"
"""The recovery without a network, and the same with weights chosen by 5 % of the observed pixels, however few."""
MAIN = ("network", "guide again", FEWER)
KEYS = ("picture", "rate", "seed", "method", "digest")
COLUMNS = {"method": "{method}", "cases": "{cases}", "gain over `grouped` / dB": "{gain:+.2f}{error}"}
COLUMNS |= {
    "lowest to highest": "{low:+.2f} to {high:+.2f}",
    "`network` there": "{network:+.2f}",
    "its own values": "{raw:+.2f}",
    "weight": "{weight:.2f}",
    "CPU s": "{cpu:.0f}",
}
Gains = dict[str, dict[tuple[str, float], Float[np.ndarray, "seeds"]]]


def make(picture: str, rate: float, seed: int, size: int) -> Problem:
    """Return the problem of a picture with a share of its pixels missing."""
    image = images.load(picture, size=size, grey=True)
    return masked(image, np.asarray(masks.make(jax.random.key(seed), (size, size), "random", rate)))


def roughness(image: Image, mask: Mask) -> float:
    """Return the mean squared difference of observed neighbours over twice the variance of the observed pixels.

    It is near 0 where a picture is smooth and near 1 for white noise: Geary's ratio (The Incorporated Statistician
    1954), with the observed pixels alone. NaN if no neighbours are observed.
    """
    pairs = ((slice(1, None), slice(None)), (slice(None, -1), slice(None)))
    squares = []
    for after, before in (pairs, tuple(place[::-1] for place in pairs)):
        both = mask[after] & mask[before]
        squares.append(np.square(image[after] - image[before], dtype=np.float64)[both].ravel())
    joined = np.concatenate(squares)
    return float(joined.mean() / (2 * image[mask].var(dtype=np.float64))) if joined.size else np.nan


def blended(prepared: Prepared, settings: Settings, solve: Solve) -> tuple[Image, Image, Float[np.ndarray, "B"]]:
    """Return the values of a method, their blend with `grouped`, and its weights.

    For `fit.solve` the blend is that of `pipeline.solve`.
    """
    image, mask = pipeline.picture(prepared.problem, "the benchmark")
    second, stack = pipeline.seedless(replace(settings, correction="none")), prepared.stack
    assert stack is not None
    raw = solve(prepared.problem, settings)
    weights = blending.blend_weights(prepared.problem, stack, lambda hidden: solve(hidden, second), guided=True)
    return raw, blending.blend(raw, image, mask, stack.guide, weights), weights


def recover(problem: Problem, settings: Settings, methods: Sequence[str]):
    """Yield each method's scores and CPU seconds: `psnr` of the recovery, `raw` of the method's own values, in dB."""
    image, mask = pipeline.picture(problem, "the benchmark")
    ready = cache(lambda: pipeline.prepare(problem, settings))  # not needed by every method
    for method in methods:
        if method not in (GROUPED, FEWER):
            ready()
        start = time.process_time()
        if method == GROUPED:
            stack = ready().stack
            assert stack is not None
            scores = {"psnr": _psnr(stack.guide, problem), "roughness": roughness(image, mask)}
        elif method == FEWER:
            value = _psnr(stacking.build(image, mask, enough=0).guide, problem)
            scores = {"psnr": value, "raw": value, "weight": 0.0}
        else:
            raw, values, weights = blended(ready(), settings, SOLVES[method])
            scores = {"psnr": _psnr(values, problem), "raw": _psnr(raw, problem), "weight": float(1 - weights[-1])}
        yield method, {**scores, "cpu": time.process_time() - start}


def _psnr(values: Image, problem: Problem) -> float:
    return float(metrics.score(values, problem)["psnr_missing"])


def digest(problem: Problem, settings: Settings) -> str:
    """Return a hash of what a row depends on."""
    content = json.dumps([problem.digest, to_mapping(settings)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@cache
def _current(picture: str, rate: float, seed: int, size: int) -> str:
    return digest(make(picture, rate, seed, size), replace(RECIPE, seed=seed))


def run(results: Results, flags: Any) -> None:
    """Add the rows that the results do not have yet, each as soon as it is known."""
    for seed in flags.seeds:
        for rate in flags.rates:
            for picture in flags.pictures:
                problem, settings = make(picture, rate, seed, flags.size), replace(RECIPE, seed=seed)
                own = digest(problem, settings)
                key = {"picture": picture, "rate": rate, "seed": seed, "digest": own}
                wanted = [name for name in (GROUPED, *flags.methods) if {**key, "method": name} not in results]
                for method, found in recover(problem, settings, wanted) if wanted else ():
                    results.add([{**key, "method": method, **found}])
                    print(f"{picture}, {rate:g} missing, seed {seed}, {method}: {found['psnr']:.2f} dB", flush=True)


def gains(rows: Sequence[Row]) -> Gains:
    """Return the gains in PSNR over `grouped` of every seed, in dB, by method and then by picture and rate."""
    without = {_case(row): row["psnr"] for row in rows if row["method"] == GROUPED}
    found: dict[str, dict[tuple[str, float], list[float]]] = {}
    for row in rows:
        if row["method"] != GROUPED:
            own = found.setdefault(row["method"], {}).setdefault((row["picture"], row["rate"]), [])
            own.append(row["psnr"] - without[_case(row)])
    return {name: {case: np.array(values) for case, values in own.items()} for name, own in found.items()}


def _case(row: Row) -> tuple:
    return row["picture"], row["rate"], row["seed"]


def summary(rows: Sequence[Row]) -> str:
    """Return a table of all methods: gains over `grouped` on the cases of each, and the network's on the same cases.

    A picture at one rate counts once: its seeds are averaged first.
    """
    network = {_case(row): row["psnr"] for row in rows if row["method"] == "network"}
    without = {_case(row): row["psnr"] for row in rows if row["method"] == GROUPED}
    listed = []
    for method, own in gains(rows).items():
        mean = np.array([values.mean() for values in own.values()])
        error = f" ± {measure.standard_error(mean):.2f}" if len(mean) > 1 else ""
        each = [row for row in rows if row["method"] == method]
        raw = np.mean([row["raw"] - without[_case(row)] for row in each])
        paired = [network[_case(row)] - without[_case(row)] for row in each if _case(row) in network]
        listed.append(
            {"method": method, "cases": len(mean), "gain": mean.mean(), "error": error}
            | {"low": mean.min(), "high": mean.max(), "network": np.mean(paired) if paired else None, "raw": raw}
            | {key: float(np.median([row[key] for row in each])) for key in ("weight", "cpu")}
        )
    return measure.table(listed, COLUMNS)


def by_rate(rows: Sequence[Row], method: str, size: int) -> str:
    """Return a table of a method's gains by picture and rate, with the lowest and highest of several seeds.

    The pictures are ordered by their roughness, which is computed from all pixels.
    """
    own = gains(rows).get(method, {})
    rates = sorted({rate for _, rate in own})
    lines = []
    for picture, rough in _ordered({picture for picture, _ in own}, size):
        cells = [own.get((picture, rate)) for rate in rates]
        lines.append([picture, f"{rough:.2f}", *("-" if cell is None else _spread(cell) for cell in cells)])
    means = [np.mean([values.mean() for case, values in own.items() if case[1] == rate]) for rate in rates]
    lines.append(["mean", "", *(f"{mean:+.2f}" for mean in means)])
    return markdown(["picture", "roughness", *(f"{rate:.0%} missing" for rate in rates)], lines)


def _spread(values: Float[np.ndarray, "seeds"]) -> str:
    spread = f" ({values.min():+.2f} to {values.max():+.2f})" if len(values) > 1 else ""
    return f"{values.mean():+.2f}{spread}"


def _ordered(pictures: set[str], size: int) -> list[tuple[str, float]]:
    """Return pictures with their roughness, the smoothest first."""
    loaded = {picture: images.load(picture, size=size, grey=True) for picture in pictures}
    rough = {picture: roughness(image, np.ones(image.shape[:2], bool)) for picture, image in loaded.items()}
    return sorted(rough.items(), key=lambda pair: pair[1])


def draw(path: Path, rows: Sequence[Row], size: int) -> None:
    """Draw the gain over the missing share, one panel for each main method and one curve for each picture."""
    panels: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    found = gains(rows)
    for method in (name for name in MAIN if name in found):
        panel = panels.setdefault(f"{method}: gain over grouped / dB", {})
        for picture, rough in _ordered({picture for picture, _ in found[method]}, size):
            own = sorted((rate, values.mean()) for (name, rate), values in found[method].items() if name == picture)
            panel[f"{picture}, roughness {rough:.2f}"] = [100 * rate for rate, _ in own], [gain for _, gain in own]
    plots.lines(path, panels, "missing pixels / %", scale="linear")


def report(folder: Path, rows: Sequence[Row], flags: Any) -> None:
    """Write the tables and the figure, and those of docs/quality.md if its folder is given."""
    tables = {"network-gain": by_rate(rows, "network", flags.size), "network-methods": summary(rows)}
    measure.write(folder, "network_gain", {"rows": list(rows)}, "\n\n".join(tables.values()))
    draw(folder / "network_gain.png", rows, flags.size)
    if flags.docs:
        measure.write_page(flags.docs / "quality.md", tables)
        draw(flags.docs / "figures" / "network_gain.png", rows, flags.size)


def main() -> None:
    """Run what has no row yet, and write the report."""
    parser = measure.arguments("network_gain", __doc__)
    parser.add_argument("--size", type=int, default=128, help="height and width of the pictures in pixels")
    parser.add_argument("--pictures", nargs="+", default=list(PICTURES), help="bundled names or paths")
    parser.add_argument("--rates", nargs="+", type=float, default=list(RATES), help="shares of missing pixels")
    parser.add_argument("--methods", nargs="+", choices=[*SOLVES, FEWER], default=list(MAIN), help="besides `grouped`")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of the mask and the fit")
    parser.add_argument("--docs", type=Path, help="the folder of the documentation")
    flags = parser.parse_args()
    flags.workdir.mkdir(parents=True, exist_ok=True)
    results = Results(flags.workdir, KEYS, {"psnr": float, "cpu": float})
    run(results, flags)
    # Rows of other sizes or settings stay in the folder and out of the report.
    rows = [row for row in results.rows if row["digest"] == _current(*_case(row), flags.size)]
    report(flags.workdir, rows, flags)


if __name__ == "__main__":
    main()
