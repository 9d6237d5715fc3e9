"""The problems and methods of the comparison, one job for each recovery, and the rows of those that are done."""

import functools
import hashlib
import importlib.util
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from configs import ct, deblur, denoise, mri, super_resolution
from inrr_jax.baselines.inverse import GENERAL, methods_of
from inrr_jax.baselines.inverse.mri import MRI
from inrr_jax.baselines.inverse.pictures import bm3d_denoiser
from inrr_jax.data.kinds import DataConfig
from inrr_jax.data.kinds.inverse.denoise import Config as Noisy
from inrr_jax.data.loading import load
from inrr_jax.data.settings import MaskSettings
from inrr_jax.experiments import runner
from inrr_jax.io.results import Results
from inrr_jax.operators.fourier import ParallelImaging
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import pipeline
from inrr_jax.recipes.fills import FILLS
from inrr_jax.recipes.inpaint import inpaint
from inrr_jax.recipes.inverse import splitting, tuning
from inrr_jax.reports import report_of
from inrr_jax.settings import RECONSTRUCTION, Settings

Changes = Mapping[str, Any]
KEYS = ("stage", "problem", "method", "size", "seed")
RECIPE, PLUGGED = "recipe", "PnP-BM3D"
"""The recipe, and its splitting loop with BM3D instead of patch groups, tuned in the same way."""
PICTURES = ("camera", "rocket", "baboon")
SLICES = ("camera", "mri_slice", "shepp_logan")
"""By seed; a disc of the first is no slice, and the second is a magnetic resonance image."""
LOUD = 50 / 255
PACKAGES = {"wavelets": "pywt", "bm3d": "bm3d", PLUGGED: "bm3d", "ESPIRiT + L1": "sigpy", "smooth maps + L1": "sigpy"}
PACKAGES |= {"JSENSE + L1": "sigpy"}
"""What a method needs; those without it are left out."""


class Case(NamedTuple):
    """A problem of the comparison."""

    settings: Settings
    title: str
    pictures: tuple[str, ...]
    changes: Changes = {}
    picture: str = "data.image"
    """The setting that names the picture."""
    missing: float = 0.0
    """Share of the measurements that are missing at random."""

    def of(self, size: int, seed: int) -> Settings:
        """Return the settings of its recipe, whose data are those of a size and a seed."""
        own = {"data.size": size, "data.seed": seed, "seed": seed, **self.changes}
        own |= {"mask.mode": "random", "mask.rate": self.missing, "mask.seed": seed} if self.missing else {}
        return change(self.settings, {self.picture: self.pictures[seed % len(self.pictures)], **own})

    def measured(self, size: int, seed: int) -> tuple[DataConfig, MaskSettings]:
        """Return what the measurements depend on."""
        settings = self.of(size, seed)
        return settings.data, settings.mask if self.missing else MaskSettings(mode="none")


CASES = {
    "denoise-25": Case(denoise.SETTINGS, "noise of 25/255", PICTURES),
    "denoise-50": Case(
        denoise.SETTINGS,
        "noise of 50/255",
        PICTURES,
        {"data.sigma": LOUD, "prior.levels": (0.18, 0.22, 0.28)},
    ),
    "inpaint-50": Case(replace(RECONSTRUCTION, data=Noisy(sigma=0.0)), "half of the pixels", PICTURES, missing=0.5),
    "super-2": Case(super_resolution.SETTINGS, "half the resolution", PICTURES),
    "super-4": Case(super_resolution.SETTINGS, "a quarter of the resolution", PICTURES, {"data.factor": 4}),
    "deblur-gaussian": Case(deblur.SETTINGS, "Gaussian blur, 1.6 pixels", PICTURES),
    "deblur-motion": Case(
        deblur.SETTINGS, "motion blur, 9 pixels", PICTURES, {"data.blur": "motion", "data.width": 9.0}
    ),
    **{f"ct-{n}": Case(ct.SETTINGS, f"{n} views", SLICES, {"data.views": n}) for n in (10, 15, 25, 50, 100)},
    "ct-arc": Case(ct.SETTINGS, "60 views in 120 degrees", SLICES, {"data.views": 60, "data.arc": 120.0}),
    **{
        f"mri-{n}": Case(mri.SETTINGS, f"a line of {n}", ("mri_slice",), {"data.acceleration": float(n)}, "data.source")
        for n in (4, 5, 6)
    },
}
TITLES = {name: case.title for name, case in CASES.items()}


class Job(NamedTuple):
    """One recovery by one method, and its row."""

    key: dict[str, Any]
    kind: str
    """Of the data, which has the scores."""
    make: Callable[[], Problem]
    solve: Callable[[Problem], tuple[np.ndarray, Any]]
    """Returns the recovery, and what was chosen for it as values that JSON can represent."""
    depends: Any
    """All that the row depends on besides the key, as values that JSON can represent."""

    @property
    def digest(self) -> str:
        """Identifies what the row depends on."""
        return hashlib.sha256(json.dumps(self.depends, sort_keys=True).encode()).hexdigest()[:16]

    def run(self) -> tuple[dict[str, Any], np.ndarray]:
        """Return the row and the recovery. With the seed 0, its seconds include the compilation."""
        problem = self.make()
        if self.key["seed"] == 0:
            jax.clear_caches()  # programs of earlier jobs
        start, used = time.perf_counter(), time.process_time()
        values, chosen = self.solve(problem)
        spent = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - used}
        scores = report_of(self.kind).score(values, problem)
        return {**self.key, **scores, **spent, "chosen": chosen, "digest": self.digest}, values


@functools.lru_cache(maxsize=2)
def made(name: str, size: int, seed: int) -> Problem:
    """Return the problem of a case."""
    return load(*CASES[name].measured(size, seed))


def recovered(problem: Problem, settings: Settings, solve: tuning.Solve = pipeline.solve) -> tuple[np.ndarray, Changes]:
    """Return the recovery with the settings that the measurements choose, and these."""
    tuned = tuning.tune(problem, settings, solve, lambda line: None)
    return solve(problem, tuned), tuning.chosen(settings, tuned)


def plugged(problem: Problem, settings: Settings) -> np.ndarray:
    """Return the recovery of the splitting loop with BM3D as its denoiser (plug-and-play)."""
    return splitting.recover(problem, settings.prior, bm3d_denoiser)


def _fill(problem: Problem, fill: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what a method for missing pixels, which takes a picture and its mask, makes of pixels without noise."""
    return fill(np.asarray(problem.measurements), np.asarray(problem.operator.kept)[..., 0])


FILLED: Mapping[str, Callable[[Problem], np.ndarray]] = {
    "inrr_jax.inpaint": lambda problem: _fill(problem, lambda image, mask: inpaint(image, ~mask)),
    "harmonic": lambda problem: _fill(problem, FILLS["harmonic"].fill),
    "biharmonic": lambda problem: _fill(problem, FILLS["biharmonic"].fill),
    **GENERAL,
}
"""Methods for missing pixels."""


def methods(problem: Problem) -> Mapping[str, Callable[[Problem], np.ndarray]]:
    """Return all methods that suit a problem and are installed, by name."""
    if isinstance(problem.operator, ParallelImaging):
        found = MRI
    elif isinstance(problem.operator, Direct) and problem.operator.kept is not None:
        found = FILLED
    else:
        found = methods_of(problem)
    return {name: method for name, method in found.items() if installed(name)}


def installed(method: str) -> bool:
    """Return whether the package that a method needs is installed, if it needs one."""
    return method not in PACKAGES or importlib.util.find_spec(PACKAGES[method]) is not None


@functools.cache
def names_of(name: str) -> tuple[str, ...]:
    """Return the names of the methods of a case. They depend on its kind alone, and a small problem is made at once."""
    found = tuple(methods(made(name, 64, 0)))
    looped = CASES[name].pictures == PICTURES and CASES[name].settings.prior.feedback
    return (*found, PLUGGED) if looped and installed(PLUGGED) else found


def listed(problems: Sequence[str], size: int, seeds: int, only: Sequence[str]) -> list[Job]:
    """List the jobs of the comparison; `only` names the methods, or is empty for all.

    Those of the deep image prior and of BM3D in the loop come last, because each takes longer than all other methods of
    its problem together.
    """
    jobs = [
        job("table", name, method, size, seed)
        for seed in range(seeds)
        for name in problems
        for method in (RECIPE, *names_of(name))
        if not only or method in only
    ]
    return sorted(jobs, key=lambda one: one.key["method"] == PLUGGED or "deep" in one.key["method"])


def job(stage: str, name: str, method: str, size: int, seed: int) -> Job:
    """Return the job of one method for one case."""
    settings, (data, mask) = CASES[name].of(size, seed), CASES[name].measured(size, seed)
    key = dict(zip(KEYS, (stage, name, method, size, seed), strict=True))
    make = functools.partial(made, name, size, seed)
    if method in (RECIPE, PLUGGED):
        solve = plugged if method == PLUGGED else pipeline.solve
        return Job(key, data.name, make, lambda p: recovered(p, settings, solve), to_mapping(settings))
    depends = [to_mapping(data), to_mapping(mask)] if CASES[name].missing else to_mapping(data)
    return Job(key, data.name, make, lambda p: (methods(p)[method](p), {}), depends)


class Study:
    """The jobs of a command, and the rows of those that are done."""

    def __init__(self, folder: Path):
        """Read the rows of earlier commands."""
        (folder / "recoveries").mkdir(parents=True, exist_ok=True)
        self.folder, self.results = folder, Results(folder, KEYS)

    def run(self, jobs: Sequence[Job]) -> None:
        """Run every job that has no row yet, or that of other settings, and keep its row at once."""
        done, stale = runner.known(jobs, self.results)
        self.results.drop(jobs[i].key for i in stale)
        waiting = [job for i, job in enumerate(jobs) if i not in done]
        print(f"{len(jobs) - len(waiting)} of {len(jobs)} jobs are done", flush=True)
        start = time.perf_counter()
        for number, job in enumerate(waiting, 1):
            row, values = job.run()
            np.save(self._file(job.key), np.asarray(values, np.float32))
            self.results.add([row])
            left = (time.perf_counter() - start) / number * (len(waiting) - number) / 60
            found = " ".join(str(job.key[part]) for part in KEYS)
            print(
                f"[{number}/{len(waiting)}] {found}: {row['psnr']:.2f} dB in {row['seconds']:.0f} s;"
                f" about {left:.0f} min to go",
                flush=True,
            )

    def rows(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Return the rows of these jobs, in their order, without those of other settings."""
        return list(runner.known(jobs, self.results)[0].values())

    def recovery(self, row: Mapping[str, Any]) -> np.ndarray:
        """Return the recovery of a row."""
        return np.load(self._file(row))

    def _file(self, row: Mapping[str, Any]) -> Path:
        return self.folder / "recoveries" / ("_".join(str(row[key]).replace(" ", "") for key in KEYS) + ".npy")
