"""The tables and the figure of `benchmarks.waveform`, from its rows."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from inrr_jax import plots
from inrr_jax.experiments.tables import markdown

Row = dict[str, Any]
KEY = ("stage", "ground", "seed", "start", "lowest", "noise", "field", "term", "weight")
"""Names of the columns that identify a row."""
START = "start"
"""The name, in the place of a field, of the start model itself."""
RELATIVE = "-start"
"""What the name of a term ends with if the energy is that of the difference from the start model."""
FIELDS = {START: "start model", "siren": "SIREN", "tucker": "Tucker", "grid": "grid"}
TERMS = {"none": "", "grid": ", Tikhonov", "tv": ", TV", "inrr": ", INRR", "air": ", AIR"}
"""What is added to the name of a field for each term."""
CLASSICAL = [("grid", term + ending) for term in ("grid", "tv") for ending in ("", RELATIVE)]
LEARNED = [(field, term) for field in ("siren", "tucker") for term in ("inrr", "air", f"inrr{RELATIVE}")]
"""Methods between which the question of the page is: which group has the lower error?"""
MEANS = ("rmse", "half", "ssim", "misfit", "seconds")
COLUMNS = {"start": "{start}", "from": "{lowest:g} Hz", "noise": "{noise:.0%}", "method": "{title}"}
COLUMNS |= {"weight": "{weight:g}", "error in m/s": "{rmse:.0f} ± {se:.0f}", "sensitive half": "{half:.0f}"}
COLUMNS |= {"SSIM": "{ssim:.3f}", "misfit": "{misfit:.4f}", "seconds": "{seconds:.0f}", "each ground": "{each}"}


def title(row: Row) -> str:
    """Return the name of a row's method."""
    term = row["term"].removesuffix(RELATIVE)
    return FIELDS[row["field"]] + TERMS[term] + (" of the difference" if term != row["term"] else "")


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return one row per method and kind of case: means over the grounds, and the standard error of the error's."""
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["stage"] == "table":
            found.setdefault(tuple(row[name] for name in ("start", "lowest", "noise", "field", "term")), []).append(row)
    groups = [sorted(group, key=lambda row: row["seed"]) for group in found.values()]
    return [
        {**group[0], **{name: float(np.mean([row[name] for row in group])) for name in MEANS}, "count": len(group)}
        | {"se": measure.standard_error(np.array([row["rmse"] for row in group])), "title": title(group[0])}
        | {"errors": [row["rmse"] for row in group], "grounds": [f"{row['ground']} {row['seed']}" for row in group]}
        | {"each": " ".join(f"{row['rmse']:.0f}" for row in group)}
        for group in groups
    ]


def by_case(means: Sequence[Row], start: str) -> str:
    """Return the table of one start: a row per method, and a column per lowest frequency and share of noise.

    A cell has the error ± its standard error and the error in the sensitive half, then SSIM and misfit. The lowest
    error of each column is bold. Methods are in the order of the first column.
    """
    own = [row for row in means if row["start"] == start]
    kinds = sorted({(row["lowest"], row["noise"]) for row in own}, key=lambda kind: (-kind[0], kind[1]))
    by_kind = {(row["title"], row["lowest"], row["noise"]): row for row in own}
    best = {kind: min(row["rmse"] for row in own if (row["lowest"], row["noise"]) == kind) for kind in kinds}
    first = [by_kind.get((name, *kinds[0]), {"rmse": np.inf, "field": ""}) for name in _titles(own)]
    order = sorted(zip(first, _titles(own), strict=True), key=lambda one: (one[0]["field"] != START, one[0]["rmse"]))
    lines = []
    for _, name in order:
        cells = [_cell(by_kind.get((name, *kind)), best[kind]) for kind in kinds]
        lines.append([name, _weights([row for row in own if row["title"] == name]), *cells])
    heads = [_kind(*kind) for kind in kinds]
    return markdown(["method", "weight", *heads], lines)


def _titles(means: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["title"] for row in means))


def _kind(lowest: float, noise: float) -> str:
    return f"{lowest:g} Hz" + (f", {100 * noise:.0f} % noise" if noise else "")


def _cell(row: Row | None, best: float) -> str:
    if row is None:
        return "-"
    error = f"{row['rmse']:.0f} ± {row['se']:.0f}"
    error = f"**{error}**" if row["rmse"] == best else error
    return f"{error} ({row['half']:.0f})<br>{row['ssim']:.2f}, {row['misfit']:.3f}"


def _weights(means: Sequence[Row]) -> str:
    """Return the weights of a method by share of noise, or the one that they all have."""
    found = {row["noise"]: f"{row['weight']:g}" for row in means if row["term"] != "none"}
    return ", ".join(dict.fromkeys(found[noise] for noise in sorted(found)))


def by_ground(means: Sequence[Row], start: str, lowest: float, noise: float) -> str:
    """Return the table of one kind of case with the error on each ground."""
    own = [row for row in means if (row["start"], row["lowest"], row["noise"]) == (start, lowest, noise)]
    own = sorted(own, key=lambda row: (row["field"] != START, row["rmse"]))
    grounds = max((row["grounds"] for row in own), key=len, default=[])
    heads = ["method", "weight", *grounds, "mean", "sensitive", "SSIM", "misfit", "seconds"]
    return markdown(
        heads,
        [
            [row["title"], _weights([row]), *(f"{error:.0f}" for error in row["errors"])]
            + [f"{row['rmse']:.0f} ± {row['se']:.0f}", f"{row['half']:.0f}", f"{row['ssim']:.3f}"]
            + [f"{row['misfit']:.4f}", f"{row['seconds']:.0f}"]
            for row in own
        ],
    )


def leads(means: Sequence[Row]) -> str:
    """Return, for each kind of case, by how much the best network with a learned energy is ahead of the best grid.

    The best of each group is the one with the lowest mean over the grounds, which is a choice with a look at the true
    velocities, in both groups alike. The difference is that of the grid minus the network, ± its standard error.
    """
    lines = []
    for start, lowest, noise in dict.fromkeys((row["start"], row["lowest"], row["noise"]) for row in means):
        own = [row for row in means if (row["start"], row["lowest"], row["noise"]) == (start, lowest, noise)]
        groups = [[row for row in own if (row["field"], row["term"]) in group] for group in (CLASSICAL, LEARNED)]
        if not all(groups):
            continue
        grid, network = (min(group, key=lambda row: row["rmse"]) for group in groups)
        gain = np.subtract(grid["errors"], network["errors"])
        lines.append(
            [f"{start}, {_kind(lowest, noise)}"]
            + [f"{row['title']}: {row['rmse']:.0f}" for row in (grid, network)]
            + [f"{gain.mean():.0f} ± {measure.standard_error(gain):.0f}", f"{100 * gain.mean() / grid['rmse']:.0f} %"]
            + [f"{int((gain > 0).sum())} of {len(gain)}"]
        )
    heads = ["case", "best grid with Tikhonov or TV", "best network with a learned energy"]
    return markdown([*heads, "difference in m/s", "lower by", "ahead on grounds"], lines)


def report(folder: Path, rows: Sequence[Row], docs: Path | None = None) -> None:
    """Write tables, JSON, CSV and figure, and the tables of the documentation if its folder is given."""
    means = sorted(summary(rows), key=lambda row: (row["start"], -row["lowest"], row["noise"], row["rmse"]))
    starts = list(dict.fromkeys(row["start"] for row in means))
    tables = {start: by_case(means, start) for start in starts} | {"leads": leads(means)}
    tables["grounds"] = by_ground(means, "linear", 5.0, 0.0)
    text = "\n\n".join([measure.table(means, COLUMNS), *tables.values()])
    measure.write(folder, "waveform", {"means": means, "rows": list(rows)}, text)
    for path in (folder / "waveform.csv", *([docs / "fwi.csv"] if docs else [])):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*KEY, "rmse", "half", "ssim", "misfit", "held", "seconds"])
            writer.writeheader()
            writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    if docs:
        measure.write_page(docs / "fwi.md", tables)
    kinds = dict.fromkeys((row["start"], row["lowest"], row["noise"]) for row in means)
    panels = {
        f"{start}, from {lowest:g} Hz, noise {noise:.0%}: error in m/s": {
            row["title"]: {"median": row["rmse"], "low": row["rmse"] - row["se"], "high": row["rmse"] + row["se"]}
            for row in means
            if (row["start"], row["lowest"], row["noise"]) == (start, lowest, noise)
        }
        for start, lowest, noise in kinds
    }
    plots.bars(folder / "waveform.png", panels)
