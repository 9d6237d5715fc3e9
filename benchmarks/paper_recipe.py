"""The paper's claims under two recipes of training: ours, and the paper's full batch with Adam for 10 001 steps.

    python -m benchmarks.paper_recipe [--recipes ours paper] [--fits none INRR ...] [--seeds 0 1 2] [--docs=docs]

The fits are those of configs/figures.py and of its variant `:paper`: the baboon, 128 x 128 grey pixels, under writing.
Every fit adds one row to --workdir/results.jsonl, and a fit that has a row is not repeated; an interrupted one is
continued. With --docs, the rows of docs/paper_recipe.csv count as finished too, so that one can add seeds to them, and
that file, the tables of docs/paper_recipe.md and its figure are written anew.
All fits of ours with three seeds take five minutes on two CPU cores, one fit of the paper's 41 minutes.
"""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from benchmarks import measure
from configs import figures
from inrr_jax import metrics, plots
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.experiments.analysis import share_falling
from inrr_jax.experiments.paper import FiguresSettings, Runs
from inrr_jax.experiments.paper.learned_or_frozen import SHARES, follow_frozen
from inrr_jax.experiments.paper.runs import (
    REGULARIZERS,
    Run,
    format_mean_and_deviation,
    load,
    regularized,
    seeded,
    trajectory,
)
from inrr_jax.experiments.tables import markdown
from inrr_jax.io.arrays import Arrays
from inrr_jax.io.results import Results
from inrr_jax.options import from_mapping
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.types import Row
from scripts.progress import FitsProgress

KEYS = ("recipe", "fit", "seed")
RECIPES = {"ours": "", "paper": "paper"}
"""The variant of configs/figures.py of each recipe."""
FROZEN = {f"INRR, L frozen at {100 * share:.0f} %": share for share in SHARES}
"""The share of a first INRR fit after which each frozen Laplacian is taken."""
FITS = (*REGULARIZERS, *FROZEN)
COLUMNS = {
    "best PSNR missing / dB": ("best", 2),
    "at step": ("best_step", 0),
    "PSNR missing at the end / dB": ("psnr_missing", 2),
    "PSNR observed / dB": ("psnr_observed", 2),
    "NMAE missing": ("nmae_missing", 4),
    "SSIM pasted": ("ssim_pasted", 4),
    "share of the fit with missing error falling": ("falling", 2),
}
"""Name and decimal digits of the scores of a fit, by the title of their column."""
SCORES = tuple(name for name, _ in COLUMNS.values())
LONGER = "keeps the missing error falling for longer than a SIREN alone"
CLAIMS = {
    **{
        f"SIREN + {name} ends above a SIREN alone": ("psnr_missing", name, "none")
        for name in REGULARIZERS
        if name != "none"
    },
    **{f"INRR ends above {name}": ("psnr_missing", "INRR", name) for name in ("Tikhonov", "TV", "AIR")},
    **{f"INRR ends above {name.removeprefix('INRR, ')}": ("psnr_missing", "INRR", name) for name in FROZEN},
    **{f"{name} {LONGER}": ("falling", name, "none") for name in ("AIR", "INRR")},
}
"""The paper's claims in words: the score that is compared, and the fits that have more and less of it."""
Scores = Mapping[str, Mapping[int, Row]]
"""The rows of one recipe by fit and seed."""


def base(recipe: str) -> Settings:
    """Return the settings of a recipe's fits."""
    return from_mapping(figures.get_config(RECIPES[recipe]).to_dict(), FiguresSettings).fit


def measured(recipe: str, name: str, seed: int, runs: Runs) -> Row:
    """Return the row of one fit."""
    settings = seeded(base(recipe), seed)
    problem = load(settings)
    if name in FROZEN:
        run = follow_frozen(problem, settings, FROZEN[name], runs)
    else:
        run = runs.follow(problem, regularized(settings, name))
    return {"recipe": recipe, "fit": name, "seed": seed, **scores(run, problem)}


def scores(run: Run, problem: Problem) -> dict[str, float]:
    """Return the scores of a recorded fit at its end, and its smallest missing error with the step of it."""
    missing = trajectory(run, problem).missing
    end = metrics.summarize(run.recovered[-1], problem.truth, problem.operator.mask)
    found = {
        **end,
        "best": -10 * jnp.log10(missing.min()),
        "best_step": run.steps[int(missing.argmin())],
        "falling": share_falling(missing),
    }
    return {name: round(float(found[name]), 4) for name in SCORES}


def fill() -> float:
    """Return the PSNR on missing pixels of the harmonic fill, in dB. The mask of writing is that of every seed."""
    problem = load(base("ours"))
    mask = np.asarray(problem.operator.mask)
    return metrics.summarize(harmonic(problem.measurements, mask), problem.truth, mask)["psnr_missing"]


def grouped(rows: Sequence[Row]) -> dict[str, Scores]:
    """Return the rows by recipe, fit and seed, the fits in the order of `FITS`."""
    found: dict[str, dict[str, dict[int, Row]]] = {recipe: {name: {} for name in FITS} for recipe in RECIPES}
    for row in rows:
        found[row["recipe"]][row["fit"]][row["seed"]] = row
    return {recipe: {name: own for name, own in fits.items() if own} for recipe, fits in found.items()}


def fits_table(fits: Scores) -> str:
    """Return the table of the fits of one recipe: mean ± standard deviation over the seeds."""
    lines = []
    for name, own in fits.items():
        cells = [format_mean_and_deviation(_values(own, score), digits) for score, digits in COLUMNS.values()]
        lines.append([name, *cells, str(len(own))])
    return markdown(["fit", *COLUMNS, "seeds"], lines)


def _values(own: Mapping[int, Row], score: str) -> Float[np.ndarray, "seeds"]:
    return np.array([row[score] for row in own.values()])


def verdicts(recipes: Mapping[str, Scores]) -> str:
    """Return the table of the claims, with the difference under each recipe, and on how many seeds it is above 0."""
    lines = [[words, *(_verdict(fits, *claim) for fits in recipes.values())] for words, claim in CLAIMS.items()]
    return markdown(["claim", *(f"recipe: {name}" for name in recipes)], lines)


def _verdict(fits: Scores, score: str, larger: str, lower: str) -> str:
    """Return "holds" if a claim does with every seed that both fits have, and the paired differences."""
    seeds = sorted(set(fits.get(larger, {})) & set(fits.get(lower, {})))
    if not seeds:
        return "-"
    gain = np.array([fits[larger][seed][score] - fits[lower][seed][score] for seed in seeds])
    word = "holds" if (gain > 0).all() else "does NOT hold"
    unit = " dB" if score == "psnr_missing" else ""
    return f"{word}: {gain.mean():+.2f}{unit} ({(gain > 0).sum()} of {len(gain)} seeds)"


def draw(path: Path, recipes: Mapping[str, Scores], control: float) -> None:
    """Draw the best and the last PSNR on missing pixels of the fits that all given recipes have, next to a control."""
    names = [name for name in FITS if all(name in fits for fits in recipes.values())]
    if not names:  # a fit of one recipe alone has nothing to be compared with
        return
    labels = {"best": "best during the fit", "psnr_missing": "at its end"}
    panels = {
        f"recipe: {recipe}": {name: {score: _spread(fits[name], score) for score in labels} for name in names}
        for recipe, fits in recipes.items()
    }
    plots.pairs(path, panels, dict.fromkeys(panels, control), labels, reach=3.0)


def _spread(own: Mapping[int, Row], score: str) -> tuple[float, float]:
    """Return the mean over the seeds and the standard deviation, which is 0 for a single seed."""
    values = _values(own, score)
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0


def finished(folder: Path, docs: Path | None) -> Results:
    """Return the rows of the work directory, with those of docs/paper_recipe.csv if that folder is given."""
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder, KEYS, dict.fromkeys(SCORES, float))
    path = docs / "paper_recipe.csv" if docs else None
    if path and path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                row | {"seed": int(row["seed"])} | {s: float(row[s]) for s in SCORES} for row in csv.DictReader(file)
            ]
        results.add([row for row in rows if row not in results])
    return results


def report(results: Results, docs: Path | None) -> None:
    """Write the tables, the CSV and the figure, and those of the documentation if its folder is given."""
    results.write_csv()
    recipes, control = grouped(results.rows), fill()
    tables = {recipe: fits_table(fits) for recipe, fits in recipes.items()} | {"claims": verdicts(recipes)}
    text = "\n\n".join([*tables.values(), f"Harmonic fill: {control:.2f} dB on missing pixels."])
    measure.write(results.folder, "paper_recipe", {"rows": results.rows}, text)
    figure = results.folder / "paper_recipe.png"
    draw(figure, {recipe: fits for recipe, fits in recipes.items() if fits}, control)
    if docs:
        measure.write_page(docs / "paper_recipe.md", tables)
        shutil.copyfile(results.folder / "results.csv", docs / "paper_recipe.csv")
        if figure.exists():
            shutil.copyfile(figure, docs / "figures" / figure.name)


def main() -> None:
    """Run the fits that have no row yet, and write the report."""
    parser = measure.arguments("paper_recipe", __doc__)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--fits", nargs="+", choices=FITS, default=list(FITS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the initial parameters")
    parser.add_argument("--docs", type=Path, help="folder of paper_recipe.md and paper_recipe.csv")
    flags = parser.parse_args()
    results = finished(flags.workdir, flags.docs)
    (flags.workdir / "fits").mkdir(exist_ok=True)
    for recipe in flags.recipes:
        for seed in flags.seeds:
            for name in flags.fits:
                if {"recipe": recipe, "fit": name, "seed": seed} not in results:
                    print(f"{recipe}, seed {seed}: {name}", flush=True)
                    runs = Runs(Arrays(flags.workdir / "fits"), FitsProgress())
                    results.add([measured(recipe, name, seed, runs)])
    report(results, flags.docs)


if __name__ == "__main__":
    main()
