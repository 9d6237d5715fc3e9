"""Combinations of a field and an energy for the same problems, which show where a gain comes from.

A SIREN, a Tucker field and plain values on the grid are fitted with total variation, Tikhonov's energy, INRR and the
recovery of the splitting loop as their guide. Weights and the frequencies of the networks are those with the smallest
misfit on a tenth of the measurements. With the guide, they are those of the recipe, and the default frequency.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.inverse.jobs import CASES, KEYS, Job, made, recovered
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import pipeline
from inrr_jax.recipes.inverse import guides, tuning
from inrr_jax.settings import Settings

Changes = Mapping[str, Any]
PROBLEMS = ("ct-15", "denoise-25", "super-2", "deblur-gaussian", "ct-arc", "mri-5")
FIELDS: dict[str, Changes] = {
    "siren": {
        "field.width": 64,
        "field.depth": 3,
        "field.precision": "float32",
        "optimizer.name": "muon",
        "optimizer.field_rate": 5e-3,
    },
    "tucker": {"field.precision": "float32", "optimizer.name": "adam", "optimizer.field_rate": 3e-3},
    "grid": {"optimizer.name": "adam", "optimizer.field_rate": 5e-2},
}
OMEGAS = {"siren": (10.0, 20.0), "tucker": (25.0, 50.0)}
"""For 256 nodes on the longest axis."""
JOINT: dict[str, Changes] = {
    "siren": {**FIELDS["siren"], "optimizer.field_rate": 0.02},
    "tucker": {**FIELDS["tucker"], "optimizer.field_rate": 0.02},
    "grid": {"optimizer.name": "adam", "optimizer.field_rate": 0.12},
}
"""Those for an image with coil maps, whose rates are higher, because image and maps can only move together
(docs/inverse_mri.md). The maps are the recipe's: a tiny SIREN."""
JOINT_STEPS = 500
ENERGIES = {"TV": "tv", "Tikhonov": "grid", "INRR": "inrr", "guide": "guide"}
"""The terms by their names in the table. Tikhonov's energy of order 1 is the term `grid`."""
WEIGHTS = {
    "tv": {"denoise": (0.05, 0.1, 0.2), "ct": (0.002, 0.006, 0.02)},
    "grid": {"denoise": (0.5, 1.5, 5.0), "ct": (0.02, 0.1, 0.5)},
    "inrr": {"denoise": (0.5, 1.5, 5.0), "ct": (0.02, 0.1, 0.5)},
}
"""Candidates by term and kind of data."""
SHARP = {"tv": (0.0003, 0.001, 0.004), "grid": (0.001, 0.005, 0.02), "inrr": (0.001, 0.005, 0.02)}
"""Those of the other kinds, whose measurements have little noise."""
SIZE, STEPS = 64, 150
"""Pixels of the longest side and steps of a fit: a problem takes 64 fits, or 57 without a guide."""


def listed(problems: Sequence[str]) -> list[Job]:
    """List the jobs of those problems that have corners, with the seed 0."""
    found = []
    for name in problems:
        if name in PROBLEMS:
            found += [_job(name, field, energy, SIZE) for field in FIELDS for energy in energies(name)]
    return found


def energies(name: str) -> list[str]:
    """Return the energies of a problem; an image with maps has no guide."""
    joint = CASES[name].settings.field.name == "joint"
    return [energy for energy in ENERGIES if not (joint and energy == "guide")]


def settings_of(name: str, field: str, energy: str, size: int) -> Settings:
    """Return the settings of a corner, with the candidates among which measurements choose."""
    own = CASES[name].of(size, 0)
    term, kind, joint = ENERGIES[energy], own.data.name, own.field.name == "joint"
    steps, place = (JOINT_STEPS, "field.image") if joint else (STEPS, "field")
    axes: list[tuple[str, tuple[float, ...]]] = []
    if field in OMEGAS and term != "guide":
        axes.append((f"{place}.omega", tuple(omega * size / 256 for omega in OMEGAS[field])))
    if term != "guide":
        axes.append((f"regularizer.{term}.weight", WEIGHTS[term].get(kind, SHARP[term])))
    train = {"train.steps": steps, "train.chunk": steps // 4, "train.fibers": 0, "optimizer.warmup": steps // 10}
    changes = {f"{place}.name": field} | {
        name.replace("field.", f"{place}.", 1) if name.startswith("field.") else name: value
        for name, value in (JOINT if joint else FIELDS)[field].items()
    }
    return change(own, {**changes, **train, "regularizer.name": term, "tune.axes": tuple(axes)})


def _job(name: str, field: str, energy: str, size: int) -> Job:
    settings = settings_of(name, field, energy, size)
    key = dict(zip(KEYS, ("corners", name, f"{field} + {energy}", size, 0), strict=True))
    make = functools.partial(_guided if energy == "guide" else made, name, size, 0)
    depends = [to_mapping(settings), to_mapping(CASES[name].of(size, 0)) if energy == "guide" else None]
    return Job(key, settings.data.name, make, lambda p: recovered(p, settings), depends)


@functools.lru_cache(maxsize=1)
def _guided(name: str, size: int, seed: int) -> Problem:
    """Return the problem with the guide that the recipe has."""
    problem, recipe = made(name, size, seed), CASES[name].of(size, seed)
    tuned = tuning.tune(problem, recipe, pipeline.solve, lambda line: None)
    return problem.with_auxiliary(guide=guides.guide(problem, tuned.prior))
