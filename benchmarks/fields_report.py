"""The tables and the figure of `benchmarks.fields`, from its rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inrr_jax import plots
from inrr_jax.experiments.tables import markdown

Row = dict[str, Any]
MOST = 60.0
"""Larger PSNR in dB count as this one, because rounding to 8 bits has an error of 59 dB; null is that of no error."""


class Score(NamedTuple):
    """PSNR in dB of one method for one problem."""

    mean: float
    """Over pictures and seeds."""
    spread: float
    """The standard deviation over seeds, averaged over pictures."""
    pictures: dict[str, np.ndarray]
    """The values of all seeds."""


Scores = dict[tuple[str, str, str], Score]
"""By problem, field and term."""


def scores(rows: Sequence[Row]) -> Scores:
    """Return the scores of all fits that count, and of the controls, whose term is `control`."""
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for row in rows:
        if row["stage"] in ("fit", "control"):
            term = "control" if row["stage"] == "control" else row["term"]
            own = found.setdefault((row["problem"], row["field"], term), {})
            unknown = np.nan if row.get("diverged") else MOST
            own.setdefault(row["picture"], []).append(unknown if row["psnr"] is None else min(row["psnr"], MOST))
    return {key: _score({name: np.array(values) for name, values in own.items()}) for key, own in found.items()}


def _score(pictures: dict[str, np.ndarray]) -> Score:
    spread = [values.std(ddof=1) if len(values) > 1 else 0.0 for values in pictures.values()]
    return Score(float(np.mean([values.mean() for values in pictures.values()])), float(np.mean(spread)), pictures)


def table(found: Scores, term: str, problems: Sequence[str]) -> str:
    """Return the table of all fields with one term, and the controls below; the best of each problem is bold."""
    names = list(dict.fromkeys(field for _, field, own in found if own == term))
    best = {
        problem: max(score.mean for (own, _, kind), score in found.items() if own == problem and kind != "control")
        for problem in problems
    }
    lines = [
        [f"`{name}`", *(_cell(found, (problem, name, term), best[problem]) for problem in problems)] for name in names
    ]
    controls = {own: (field, score) for (own, field, kind), score in found.items() if kind == "control"}
    cells = [
        f"{controls[p][1].mean:.2f} ({controls[p][0].replace('_', ' ')})" if p in controls else "-" for p in problems
    ]
    return markdown(["", *problems], [*lines, ["no field", *cells]])


def _cell(found: Scores, key: tuple[str, str, str], best: float) -> str:
    score = found[key]
    text = f"{score.mean:.2f} ± {score.spread:.2f}" if score.mean < MOST else "exact"
    text = f"**{text}**" if score.mean == best else text
    return text if key[2] == "none" else f"{text} ({score.mean - found[(*key[:2], 'none')].mean:+.2f})"


def verdicts(found: Scores, problems: Sequence[str]) -> str:
    """Return in how many cases, one field and one picture each, INRR gains or loses more than the seeds scatter.

    A difference of means counts if it is above two standard errors.
    """
    lines = []
    for problem in problems:
        gains = []
        for name in dict.fromkeys(field for _, field, term in found if term == "inrr"):
            with_inrr, alone = found[problem, name, "inrr"].pictures, found[problem, name, "none"].pictures
            gains += [_difference(with_inrr[picture], alone[picture]) for picture in alone]
        clear = [gain for gain, error in gains if abs(gain) > 2 * error]
        median = float(np.median([gain for gain, _ in gains]))
        counts = [sum(gain > 0 for gain in clear), sum(gain < 0 for gain in clear), len(gains)]
        lines.append([problem, *map(str, counts), f"{median:+.2f}"])
    return markdown(["problem", "INRR gains", "INRR loses", "cases", "median gain / dB"], lines)


def _difference(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    variance = sum(values.var(ddof=1) / len(values) if len(values) > 1 else 0.0 for values in (a, b))
    return float(a.mean() - b.mean()), float(variance**0.5)


def sizes(rows: Sequence[Row]) -> str:
    """Return the table of parameters and of steps in equal seconds."""
    found = {(row["field"], row["term"]): row for row in rows if row["stage"] == "steps"}
    names = dict.fromkeys(name for name, _ in found)
    lines = [
        [
            f"`{name}`",
            f"{found[name, 'none']['parameters']:,}",
            *(str(found[name, t]["steps"]) for t in ("none", "inrr")),
        ]
        for name in names
    ]
    return markdown(["", "parameters", "steps", "steps with INRR"], lines)


def report(rows: Sequence[Row], titles: dict[str, str]) -> str:
    """Return all tables as Markdown."""
    found, problems = scores(rows), list(titles)
    pictures = list(dict.fromkeys(row["picture"] for row in rows if row["stage"] == "fit"))
    seeds = len({row["seed"] for row in rows if row["stage"] == "fit"})
    legend = "; ".join(f"`{name}`: {title}" for name, title in titles.items())
    parts = [
        f"PSNR in dB, mean ± standard deviation over {seeds} seeds, averaged over {' and '.join(pictures)}."
        f" Above {MOST:.0f} dB a fit counts as exact. {legend}.",
        "Without a regulariser:",
        table(found, "none", problems),
        "With INRR, and in brackets the difference:",
        table(found, "inrr", problems),
        "Cases (a field and a picture) in which the difference is above two standard errors:",
        verdicts(found, problems),
        "Parameters, and the steps that take as long as those of the SIREN without a regulariser:",
        sizes(rows),
    ]
    return "\n\n".join(parts) + "\n"


def draw(path: Path, rows: Sequence[Row], titles: dict[str, str]) -> None:
    """Draw all scores, one panel per problem."""
    found = scores(rows)
    panels = {
        title: {
            field: {own: found[problem, field, own][:2] for own in ("none", "inrr")}
            for _, field, term in found
            if term == "none"
        }
        for problem, title in titles.items()
    }
    controls = {titles[own]: score.mean for (own, _, term), score in found.items() if term == "control"}
    plots.pairs(path, panels, controls, {"none": "alone", "inrr": "with INRR"})
