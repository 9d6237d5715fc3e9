"""The tables of a comparison, from its rows: means over cases, gains over the best classical fill, and orderings."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.recipes.fills import FILLS
from inrr_jax.types import Row

CLASSICAL = {*(name for name, entry in FILLS.items() if entry.classical), *TENSORS}
"""Methods that users would otherwise use: gains are those over the best of them."""

PATCH_FILL = "wnll"
"""A fill on a graph of patches, over which gains are also reported: the best published fill that is not classical."""
BOLD_SHARE = 0.8
"""An ordering that holds on at least this share of the signals, 4 of 5, is printed bold."""


class Case(NamedTuple):
    """A signal under a mask."""

    signal: str
    mask: str


Scores = dict[Case, dict[str, Float[np.ndarray, "seeds"]]]
"""A metric by case and method, in the order of the rows; NaN where a fit diverged."""


def scores(rows: Iterable[Row], metric: str = "psnr_missing") -> Scores:
    """Collect one metric from all rows."""
    found: dict[Case, dict[str, list[float]]] = {}
    for row in rows:
        # JSON has no NaN, so the row of a fit that diverged has null.
        value = np.nan if row[metric] is None else row[metric]
        found.setdefault(Case(row["signal"], row["mask"]), {}).setdefault(row["method"], []).append(value)
    return {case: {name: np.array(values) for name, values in own.items()} for case, own in found.items()}


def by_masks(psnr: Scores) -> dict[str, Scores]:
    """Group the cases by their masks."""
    found: dict[str, Scores] = {}
    for case, own in psnr.items():
        found.setdefault(case.mask, {})[case] = own
    return found


def best_fill(own: dict[str, Float[np.ndarray, "seeds"]]) -> float:
    """Return the mean score of the best classical fill of a case; NaN if the case has none."""
    return max((float(own[name].mean()) for name in own if name in CLASSICAL), default=np.nan)


def gains(psnr: Scores, method: str, other: str | None = None) -> dict[Case, float]:
    """Return the gain of a method over another one, or over each case's best classical fill, in dB.

    Args:
        psnr: as `scores` returns them.
        method: the method whose gain is computed.
        other: the method that it is compared with; None for the best classical fill.

    Returns:
        The difference of the means over seeds, for the cases that have both.
    """
    found = {}
    for case, own in psnr.items():
        if method in own and (other is None or other in own):
            found[case] = float(own[method].mean()) - (best_fill(own) if other is None else float(own[other].mean()))
    return {case: gain for case, gain in found.items() if not np.isnan(gain)}


def to_markdown(rows: Sequence[Row]) -> str:
    """Return all non-empty tables as Markdown, the summary first."""
    parts = [
        ("Over all cases", summary(rows)),
        *((f"PSNR on the missing entries / dB, mask {mask}", by_mask(rows, mask)) for mask in by_masks(scores(rows))),
        ("INRR against the others of its field", orderings(rows)),
        ("Laplacians learned throughout against frozen ones", frozen(rows)),
        *((f"{case.signal}, mask {case.mask}", by_case(rows, case)) for case in scores(rows)),
    ]
    return "\n".join(f"## {title}\n\n{table}\n" for title, table in parts if table)


def summary(rows: Sequence[Row]) -> str:
    """Return a table of every method's mean scores, and of its gains over the best classical fill and over WNLL."""
    psnr, seconds = scores(rows), scores(rows, "seconds")
    # Errors in units of the data have no mean over data.
    averaged = {name: title for name, title in SUMMARISED.items() if name in rows[0]} if rows else {}
    published = any(PATCH_FILL in own for own in psnr.values())
    lines, means = [], []
    for method in methods(rows):
        mean = {name: _means(scores(rows, name), method) for name in averaged}
        means.append(float(mean["psnr_missing"].mean()))
        # The median, because a few slow cases would dominate a mean.
        median = np.median(_means(seconds, method))
        cells = [f"{mean[name].mean():.{METRICS[name][1]}f}" for name in averaged]
        ahead = _ahead(gains(psnr, method), worst=True)
        ahead += _ahead(gains(psnr, method, PATCH_FILL)) if published else []
        lines.append([method, str(len(mean["psnr_missing"])), *cells, *ahead, f"{median:.2g}"])
    over = ["over WNLL", "mean gain"] if published else []
    head = ["method", "cases", *averaged.values(), "wins", "mean gain", "worst", *over, "seconds"]
    return markdown(head, _bold(lines, means, column=2))


def _means(values: Scores, method: str) -> Float[np.ndarray, "cases"]:
    """Return the means over seeds of a method, for the cases that have it."""
    return np.array([own[method].mean() for own in values.values() if method in own])


def by_mask(rows: Sequence[Row], mask: str) -> str:
    """Return a table of every method's PSNR on each signal under a mask: mean and standard deviation over seeds."""
    psnr = {case.signal: own for case, own in by_masks(scores(rows))[mask].items()}
    names = [name for name in methods(rows) if any(name in own for own in psnr.values())]
    columns = []
    for own in psnr.values():
        cells = [format_mean(own[name]) if name in own else "" for name in names]
        means = [own[name].mean() if name in own else np.nan for name in names]
        columns.append([line[0] for line in _bold([[cell] for cell in cells], means, column=0)])
    lines = [[name, *cells] for name, *cells in zip(names, *columns, strict=True)]
    return markdown(["method", *psnr], lines)


def by_case(rows: Sequence[Row], case: Case) -> str:
    """Return a table of all metrics of each method on one signal under one mask, with the settings chosen for it."""
    own = [row for row in rows if Case(row["signal"], row["mask"]) == case]
    metrics = {name: entry for name, entry in METRICS.items() if own and name in own[0]}
    lines, means = [], []
    for name in methods(own):
        mine = [row for row in own if row["method"] == name]
        values = {metric: scores(mine, metric)[case][name] for metric in metrics}
        means.append(values["psnr_missing"].mean())
        cells = [format_mean(values[metric], digits) for metric, (_, digits) in metrics.items()]
        lines.append([name, *cells, mine[0]["chosen"] or ""])
    titles = [title for title, _ in metrics.values()]
    return markdown(["method", *titles, "chosen"], _bold(lines, means, column=1))


METRICS = {
    "psnr_missing": ("PSNR missing", 2),
    "psnr_pasted": ("PSNR pasted", 2),
    "rmse_missing": ("RMSE missing", 4),
    "nmae_missing": ("NMAE missing", 4),
    "ssim_pasted": ("SSIM pasted", 3),
    "seconds": ("seconds", 2),
}
"""Title and decimal digits of each metric in the tables by case, if the kind of data has it."""
SUMMARISED = {"psnr_missing": "PSNR", "nmae_missing": "NMAE", "ssim_pasted": "SSIM"}
"""Titles of the metrics in the summary, if the kind of data has them."""


def orderings(rows: Sequence[Row]) -> str:
    """Return a table of the number of signals, by mask, on which INRR is ahead of other regularisers of its field.

    Entries are bold where it is ahead on at least 4 of 5 signals.
    """
    regularizers = {row["method"]: (row["field"], row["regularizer"]) for row in rows if row["field"]}
    # A sum that contains INRR is no opponent of INRR.
    pairs = [
        (ours, other)
        for ours, (field, term) in regularizers.items()
        for other, (same, others) in regularizers.items()
        if term == "inrr" and same == field and "inrr" not in others
    ]
    return _pairs(rows, pairs)


def frozen(rows: Sequence[Row]) -> str:
    """Return a table of the number of signals, by mask, on which learning throughout is ahead of frozen Laplacians."""
    names = methods(rows)
    fitted = {row["method"]: row["regularizer"] for row in rows if row["field"]}
    pairs = [(name.partition("@")[0], name) for name, regularizer in fitted.items() if "@" in regularizer]
    return _pairs(rows, [pair for pair in pairs if pair[0] in names])


def _pairs(rows: Sequence[Row], pairs: Sequence[tuple[str, str]]) -> str:
    masks = by_masks(scores(rows))
    lines = []
    for ours, other in pairs:
        cells = []
        for psnr in masks.values():
            gain = list(gains(psnr, ours, other).values())
            cell = f"{sum(g > 0 for g in gain)} of {len(gain)}, {np.mean(gain):+.2f} dB" if gain else ""
            holds = bool(gain) and sum(g > 0 for g in gain) >= BOLD_SHARE * len(gain)
            cells.append(f"**{cell}**" if holds else cell)
        lines.append([ours, other, *cells])
    return markdown(["ahead", "of", *masks], lines) if lines else ""


def methods(rows: Iterable[Row]) -> list[str]:
    """Return the methods in the order of their first row."""
    return list(dict.fromkeys(row["method"] for row in rows))


def format_mean(values: Float[np.ndarray, "seeds"], digits: int = 2) -> str:
    """Return mean and standard deviation over seeds as text; the value alone for one seed."""
    if np.isnan(values).any():
        return f"{int(np.isnan(values).sum())} of {len(values)} diverged"
    deviation = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{deviation}"


def _ahead(found: dict[Case, float], *, worst: bool = False) -> list[str]:
    """Return the cells for the number of wins, the mean and, with `worst`, the smallest of these gains."""
    values = np.array(list(found.values()))
    if not len(values):
        return [""] * (2 + worst)
    cells = [f"{(values > 0).sum()} of {len(values)}", f"{values.mean():+.2f}"]
    return [*cells, f"{values.min():+.2f}"] if worst else cells


def _bold(lines: list[list[str]], means: Sequence[float], column: int) -> list[list[str]]:
    """Print the cell of the largest mean in bold."""
    # nanargmax raises if every fit has diverged.
    if not np.isnan(means).all():
        best = lines[int(np.nanargmax(means))]
        best[column] = f"**{best[column]}**"
    return lines


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines))
