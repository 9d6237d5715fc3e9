"""The tables and figures of the comparison, from its rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inverse.jobs import CASES, RECIPE, TITLES, Study, made
from inrr_jax import plots
from inrr_jax.experiments.tables import format_mean, markdown
from inrr_jax.plots import panels
from inrr_jax.reports import report_of

Row = dict[str, Any]
Found = dict[str, dict[str, dict[int, Row]]]
"""Rows by problem, method and seed."""
GROUPS = {"pictures": ("denoise", "super_resolution", "deblur"), "ct": ("ct",), "mri": ("mri",)}
"""The kinds of data that share a figure."""
SHOWN = ("denoise-50", "super-4", "deblur-motion", "ct-15")
"""Problems whose recoveries are drawn."""
MEASURED = ("noisy", "blurred")
"""The measurements themselves, which are no method and lie far from all others."""
COLUMNS = 5
"""Pictures in a row of that figure: the truth, the recipe and the best other methods."""
CHEST = {"grid + TV": 41.1, "WIRE": 22.3, "SIREN": 12.2}
"""PSNR in dB that the paper reports for the chest (Kim and Fridovich-Keil, NeurIPS 2025)."""


def tables(groups: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """Return the tables by the names of their places on the page; those without rows are left out."""
    found = by_method(groups["table"])
    texts = {"summary": summary(found)} if found else {}
    for group, kinds in GROUPS.items():
        if own := {name: rows for name, rows in found.items() if CASES[name].settings.data.name in kinds}:
            texts[group] = details(own)
    for name, write in (("corners", corners), ("chest", chest)):
        if groups[name]:
            texts[name] = write(groups[name])
    return texts


def by_method(rows: Sequence[Row]) -> Found:
    """Return rows by problem, method and seed, with the problems and methods in the order of their first row."""
    found: Found = {}
    for row in rows:
        found.setdefault(row["problem"], {}).setdefault(row["method"], {})[row["seed"]] = row
    return found


def values(rows: Mapping[int, Row], name: str = "psnr") -> np.ndarray:
    """Return one score of all seeds; NaN where it is not known."""
    return np.array([np.nan if rows[seed][name] is None else rows[seed][name] for seed in sorted(rows)])


def ranked(own: Mapping[str, Mapping[int, Row]]) -> list[str]:
    """Return the other methods from the best to the worst, those alone that have all seeds of the recipe."""
    others = [name for name in _compared(own) if name != RECIPE]
    return sorted(others, key=lambda name: -values(own[name]).mean())


def _compared(own: Mapping[str, Mapping[int, Row]]) -> list[str]:
    """Return the methods with the seeds of the recipe, or all without a recipe: others have had other pictures."""
    return [name for name, rows in own.items() if RECIPE not in own or rows.keys() == own[RECIPE].keys()]


def summary(found: Found) -> str:
    """Return the table of the recipe, the two best other methods and the difference to the best, by problem."""
    lines = []
    for name, own in found.items():
        if RECIPE not in own:
            continue
        recipe, others = values(own[RECIPE]), ranked(own)
        cells = [f"{label(other)} {format_mean(values(own[other]))}" for other in others[:2]]
        cells += [""] * (2 - len(cells))
        gain = recipe - values(own[others[0]]) if others else np.full(1, np.nan)
        each = ", ".join(f"{one:+.2f}" for one in gain)
        lines.append([f"`{name}`: {TITLES[name]}", format_mean(recipe), *cells, f"**{gain.mean():+.2f}** ({each})"])
    return markdown(["problem", "recipe", "best other", "second", "difference (of each seed)"], lines)


def details(found: Found) -> str:
    """Return the table of all methods: PSNR with its deviation, SSIM, and CPU seconds with the seed 0, by problem."""
    names = list(dict.fromkeys(method for own in found.values() for method in own))
    best = {name: max(_compared(own), key=lambda method: values(own[method]).mean()) for name, own in found.items()}
    lines = []
    for method in names:
        cells = []
        for name, own in found.items():
            if method not in own:
                cells.append("")
                continue
            score = format_mean(values(own[method]))
            score = f"**{score}**" if method == best[name] else score
            ssim, seconds = values(own[method], "ssim").mean(), values(own[method], "cpu_seconds")[0]
            fewer = own[method].keys() != own.get(RECIPE, own[method]).keys()
            seeds = f", {len(own[method])} seed(s)" if fewer else ""
            cells.append(f"{score} ({ssim:.3f}; {seconds:.0f} s{seeds})")
        lines.append([label(method), *cells])
    return markdown(["", *(f"`{name}`" for name in found)], lines)


def label(method: str) -> str:
    """Return the name of a method as the page writes it."""
    names = {"tv": "total variation", "tikhonov": "Tikhonov", "inrr_jax.inpaint": "inrr_jax.inpaint"}
    return names.get(method, method.replace("_", " "))


def corners(rows: Sequence[Row]) -> str:
    """Return one table of PSNR per problem: fields as rows, energies as columns."""
    parts = []
    for name, own in by_method(rows).items():
        scores = {method: found[min(found)] for method, found in own.items()}
        fields = list(dict.fromkeys(method.split(" + ")[0] for method in scores))
        energies = list(dict.fromkeys(method.split(" + ")[1] for method in scores))
        best = max(scores, key=lambda method: scores[method]["psnr"])
        lines = []
        for field in fields:
            cells = []
            for energy in energies:
                row = scores.get(f"{field} + {energy}")
                cell = f"{row['psnr']:.2f}" if row else ""
                cells.append(f"**{cell}**" if f"{field} + {energy}" == best else cell)
            lines.append([f"`{field}`", *cells])
        parts.append(f"`{name}`: {TITLES[name]}\n\n{markdown(['', *energies], lines)}")
    return "\n\n".join(parts)


def chest(rows: Sequence[Row]) -> str:
    """Return the table of the chest, with the published scores as quoted ones."""
    lines = [[row["method"], f"{row['psnr']:.1f}", f"{row['ssim']:.3f}", f"{row['cpu_seconds']:.0f}"] for row in rows]
    lines += [[f"{name}, as published", f"{psnr}", "", ""] for name, psnr in CHEST.items()]
    return markdown(["method", "PSNR / dB", "SSIM", "CPU seconds"], lines)


def draw(folder: Path, study: Study, groups: Mapping[str, Sequence[Row]]) -> None:
    """Draw the gains of the other methods over the recipe, and some recoveries with the seed 0."""
    found = by_method(groups["table"])
    for group, kinds in GROUPS.items():
        gains = {
            TITLES[name]: {label(m): values(own[m]) - values(own[RECIPE]) for m in ranked(own) if m not in MEASURED}
            for name, own in found.items()
            if RECIPE in own and CASES[name].settings.data.name in kinds
        }
        if any(gains.values()):
            plots.gains(folder / f"inverse_{group}.png", gains, "the recipe", "PSNR")
    shown = {}
    for name in SHOWN:
        if name in found and RECIPE in found[name]:
            shown |= _row(name, found[name], study)
    if shown:
        panels.maps(folder / "inverse_recoveries.png", shown, columns=COLUMNS)


def _row(name: str, own: Mapping[str, Mapping[int, Row]], study: Study) -> dict[str, np.ndarray]:
    """Return the truth and the best recoveries of a problem by title."""
    first = own[RECIPE][0]
    problem = made(name, first["size"], 0)
    shown = {f"{TITLES[name]}: truth": np.asarray(problem.truth)[..., 0]}
    for method in (RECIPE, *ranked(own)[: COLUMNS - 2]):
        recovered = study.recovery(own[method][0])
        psnr = report_of(CASES[name].settings.data.name).score(recovered, problem)["psnr"]
        shown[f"{name}, {label(method)}: {psnr:.2f} dB"] = recovered[..., 0]
    return shown
