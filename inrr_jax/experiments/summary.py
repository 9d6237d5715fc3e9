"""Tables of a sweep from its rows: means over seeds, the best values, and whether one value suits all cases."""

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from inrr_jax.experiments.sweep_grid import SweepSettings, format_place
from inrr_jax.experiments.tables import format_mean, markdown
from inrr_jax.metrics import NAMES
from inrr_jax.types import Row

UNITS = {"psnr": " dB", "nmae": "", "ssim": ""}


class Table(NamedTuple):
    """One metric over two axes, at one value of every other axis except seeds."""

    title: str
    """The values of the other axes; empty if there are none."""
    metric: str
    names: tuple[str, str]
    """Of the axis of the rows and of the axis of the columns; a missing axis has an empty name and one value."""
    down: list[Any]
    across: list[Any]
    scores: list[list[np.ndarray]]
    """By row and column, the metric of each seed; NaN where the fit diverged."""

    @property
    def turned(self) -> "Table":
        """The table with rows and columns exchanged."""
        scores = [list(column) for column in zip(*self.scores, strict=True)]
        return self._replace(names=self.names[::-1], down=self.across, across=self.down, scores=scores)

    @property
    def mean(self) -> np.ndarray:
        """Means over seeds; NaN where a fit diverged."""
        return np.array([[cell.mean() if len(cell) else np.nan for cell in line] for line in self.scores])

    @property
    def best(self) -> list[int | None]:
        """For each row, the index of the best column; None where all fits diverged."""
        return [_best(line, self.metric) for line in self.mean]

    @property
    def common(self) -> int | None:
        """The index of the column with the best mean over the rows."""
        return _best(self.mean.mean(axis=0), self.metric)


def tabulate(settings: SweepSettings, rows: Sequence[Row]) -> list[Table]:
    """Arrange the rows of a finished sweep in tables, one for each combination of the axes that do not span it."""
    shown, names = settings.shown, settings.spanning
    # Without a full grid, a table over two axes would be mostly empty.
    if settings.combine == "zip" and len(shown) > 1:  # zipped axes form no grid, only one axis of joined values
        label = ", ".join(shown)
        rows = [row | {label: ", ".join(str(row[name]) for name in shown)} for row in rows]
        shown, names = [label], ("", label)
    others = [name for name in shown if name not in names]
    panels: dict[str, list[Row]] = {}
    for row in rows:
        panels.setdefault(format_place({name: row[name] for name in others}), []).append(row)
    return [_table(title, settings.metric, names, own) for title, own in panels.items()]


def _table(title: str, metric: str, names: tuple[str, str], rows: Sequence[Row]) -> Table:
    down, across = (list(dict.fromkeys(row.get(name, "") for row in rows)) for name in names)
    scores: list[list[list[float]]] = [[[] for _ in across] for _ in down]
    for row in rows:
        value = np.nan if row[metric] is None else row[metric]
        scores[down.index(row.get(names[0], ""))][across.index(row.get(names[1], ""))].append(value)
    return Table(title, metric, names, down, across, [[np.array(cell) for cell in line] for line in scores])


def _best(values: np.ndarray, metric: str) -> int | None:
    if np.isnan(values).all():
        return None
    return int(np.nanargmin(values) if metric.startswith("nmae") else np.nanargmax(values))


def report(settings: SweepSettings, rows: Sequence[Row]) -> str:
    """Return the tables as Markdown, each with a sentence on its best values."""
    diverged = [row for row in rows if row["error"]]
    seconds = sum(row["seconds"] for row in rows)
    text = [
        f"{len(rows)} fits, {seconds:.1f} s without compilation; {settings.metric}"
        + (", mean ± standard deviation over seeds." if settings.repeats else "."),
    ]
    for table in tabulate(settings, rows):
        text += [f"\n## {table.title}"] if table.title else []
        text += ["", *_lines(table), *_verdict(table)]
    if diverged:
        text += [
            "",
            f"{len(diverged)} fits diverged: {'; '.join(format_place(_place(settings, row)) for row in diverged)}.",
        ]
    return "\n".join(text) + "\n"


def _lines(table: Table) -> list[str]:
    digits = 2 if table.metric.startswith("psnr") else 4
    if not table.names[1]:
        return [f"{table.metric}: {format_mean(table.scores[0][0], digits)}"]
    corner = " \\ ".join(name for name in table.names if name)
    lines = []
    for value, line, best in zip(table.down, table.scores, table.best, strict=True):
        cells = [format_mean(cell, digits) if len(cell) else "" for cell in line]
        cells = [f"**{cell}**" if i == best and len(line) > 1 else cell for i, cell in enumerate(cells)]
        lines.append([str(value), *cells])
    return [markdown([corner, *map(str, table.across)], lines)]


def _verdict(table: Table) -> list[str]:
    """Return a sentence on whether the best column depends on the row, and on the loss of one column for all rows."""
    best = [i for i in table.best if i is not None]
    common = table.common
    if len(table.across) < 2 or common is None or not 1 < len(best) == len(table.down):
        return []
    down, across = table.names
    if len(set(best)) == 1:
        return ["", f"The best {across} is {table.across[best[0]]} at every {down}."]
    found = ", ".join(f"{table.across[i]} at {where}" for where, i in zip(table.down, best, strict=True))
    # Differences of equal seeds, and so of equal masks.
    sign = -1 if table.metric.startswith("nmae") else 1
    losses = [sign * (line[i] - line[common]) for line, i in zip(table.scores, best, strict=True)]
    worst = int(np.argmax([loss.mean() for loss in losses]))
    lost = losses[worst]
    sure = (
        f", {'more' if lost.mean() > lost.std(ddof=1) else 'no more'} than its standard deviation"
        if len(lost) > 1
        else ""
    )
    return [
        "",
        f"The best {across} varies with {down}: {found}. The best single one, {table.across[common]}, loses at most"
        f" {format_mean(lost)}{UNITS[table.metric.split('_')[0]]} (at {down}={table.down[worst]}){sure}.",
    ]


def _place(settings: SweepSettings, row: Row) -> dict[str, Any]:
    return {name: row[name] for name in settings.names}


def statistics(settings: SweepSettings, rows: Sequence[Row]) -> str:
    """Return mean and standard deviation over seeds of every metric as CSV, one line per place on the other axes."""
    groups: dict[str, list[Row]] = {}
    names = [name for name in settings.names if not name.endswith("seed")]
    for row in rows:
        groups.setdefault(format_place({name: row[name] for name in names}), []).append(row)
    columns = [*names, "fits", "diverged", *(f"{name}_{kind}" for name in NAMES for kind in ("mean", "std"))]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for own in groups.values():
        line = {name: own[0][name] for name in names}
        line |= {"fits": len(own), "diverged": sum(bool(row["error"]) for row in own)}
        for name in NAMES:
            values = np.array([row[name] for row in own if row[name] is not None])
            if len(values):
                line[f"{name}_mean"] = float(values.mean())
            if len(values) > 1:
                line[f"{name}_std"] = float(values.std(ddof=1))
        writer.writerow(line)
    return text.getvalue()
