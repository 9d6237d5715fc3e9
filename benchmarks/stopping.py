"""Rules for the last step of a fit that learns noise, without the truth.

`held-out`: 5 % of the observed pixels are not fitted, and the step with their smallest error is kept. `variance`: the
smallest variance of the recovery within a window of steps (ES-WMV, Wang et al., TMLR 2023). `discrepancy`: the first
step whose misfit is not above the variance of the noise, which has to be known (Morozov, 1966). `last` is the last
step, and `oracle` the step with the smallest true error.
"""

import pathlib

import jax
import numpy as np
from jaxtyping import Float

from benchmarks import measure
from inrr_jax import plots
from inrr_jax.baselines.holdout import Split
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.recipes import holdout
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.types import Row

SIGMA = 25 / 255
EVERY = 10
"""Steps between evaluations."""
WINDOW, PATIENCE = 10, 10
"""Evaluations in the window of the variance, and without a new minimum until the fit stops."""
MASKS = ("text", "random50")
FITS = {
    "cosine": {},
    "constant": {"optimizer.schedule": "constant"},
    "cosine, 900 steps": {"train.steps": 900},
}
"""What the fits of a case change in the settings, by name."""
LENGTHS = ("cosine", "cosine, 900 steps")
"""Fits that differ in their length alone."""
COLUMNS = {
    "fit": "{fit}",
    "rule": "{rule}",
    "step kept": "{step:.0f}",
    "steps taken": "{end:.0f}",
    "PSNR / dB": "{psnr:.2f}",
    "lost to the oracle / dB": "{lost:.2f}",
    "standard deviation": "{spread:.2f}",
    "most": "{worst:.2f}",
    "cases": "{cases}",
}
RULES = ("last", "oracle", "held-out", "variance", "discrepancy")
Path = Float[np.ndarray, "T N"]


def settings_of(start: Settings, name: str, side: int) -> Settings:
    """Return the settings of one of the `FITS` of a plain SIREN with the paper's omega."""
    changes = {"regularizer.name": "none", "field.omega": 30 * side / 256, "train.chunk": EVERY}
    return change(start, {**changes, **FITS[name]})


def noisy(problem: Problem, seed: int) -> Problem:
    """Return the problem with Gaussian noise on all measurements; the truth stays clean."""
    mask = np.asarray(problem.operator.mask)[..., None]
    drawn = np.asarray(jax.random.normal(jax.random.key(seed), problem.truth.shape))
    return problem._replace(measurements=np.where(mask, problem.truth + np.float32(SIGMA) * drawn, np.float32(0)))


def recoveries(problem: Problem, settings: Settings) -> Path:
    """Return the values on the grid after every `EVERY` steps."""
    start, hyper, key = fit.init(problem, settings)
    states = (state for state, _ in fit.fit(start, problem, hyper, key, settings))
    return np.stack([np.asarray(fit.recover(s.params, hyper, problem.domain, settings)).ravel() for s in states])


def windowed_variance(path: Path, window: int = WINDOW) -> Float[np.ndarray, "T"]:
    """Return the mean over entries of the variance within the last `window` recoveries; infinite before there are."""
    variances = [np.var(path[end - window : end], axis=0).mean() for end in range(window, len(path) + 1)]
    return np.concatenate([np.full(min(window - 1, len(path)), np.inf), variances])


def first_minimum(values: Float[np.ndarray, "T"], patience: int = PATIENCE) -> tuple[int, int]:
    """Return the index of the smallest value before `patience` values without a smaller one, and where this ends."""
    best = 0
    for index, value in enumerate(values):
        if value < values[best]:
            best = index
        elif np.isfinite(values[best]) and index - best >= patience:
            return best, index
    return best, len(values) - 1


def first_below(values: Float[np.ndarray, "T"], limit: float) -> int:
    """Return the index of the first value that is not above the limit, or of the last value."""
    below = np.flatnonzero(values <= limit)
    return int(below[0]) if below.size else len(values) - 1


def row(problem: Problem, split: Split, start: Settings, name: str) -> Row:
    """Return the steps that every rule keeps, where its fit ends, and the PSNR on the missing pixels in dB."""
    settings = settings_of(start, name, problem.domain.shape[0])
    noise = noisy(problem, start.seed)
    missing = ~np.asarray(problem.operator.mask).ravel()
    truth, measured = problem.truth.ravel(), noise.measurements.ravel()
    whole = recoveries(noise, settings)
    hidden = recoveries(holdout.restrict(noise, split.training), settings)

    def errors(path, target, where):
        return np.mean((path.clip(0, 1) - target)[:, where] ** 2, axis=1)

    true, held = errors(whole, truth, missing), errors(hidden, measured, np.asarray(split.held).ravel())
    misfit = errors(whole, measured, ~missing)
    best, end = first_minimum(windowed_variance(whole))
    last, found = len(whole) - 1, first_below(misfit, SIGMA**2)
    kept = {"last": (last, last), "oracle": (int(true.argmin()), last), "held-out": (int(held.argmin()), last)}
    kept |= {"variance": (best, end), "discrepancy": (found, found)}
    paths = {name: errors(hidden, truth, missing) if name == "held-out" else true for name in RULES}
    scores = {
        name: {"step": EVERY * (step + 1), "end": EVERY * (end + 1), "psnr": _psnr(paths[name][step])}
        for name, (step, end) in kept.items()
    }
    return {"kept": scores, "true": true.tolist(), "held": held.tolist(), "variance": windowed_variance(whole).tolist()}


def table(rows: list[Row]) -> str:
    """Return the table of the rules in Markdown: means over the cases, and what each loses against the oracle."""
    listed = []
    for fitted in dict.fromkeys(row["candidate"] for row in rows):
        own = [row["kept"] for row in rows if row["candidate"] == fitted]
        for rule in RULES:
            lost = np.array([kept["oracle"]["psnr"] - kept[rule]["psnr"] for kept in own])
            means = {key: np.mean([kept[rule][key] for kept in own]) for key in ("step", "end", "psnr")}
            spread = {"lost": lost.mean(), "spread": lost.std(), "worst": lost.max()}
            listed.append({"fit": fitted, "rule": rule, "cases": len(own), **means, **spread})
    lengths = list(map(by_length, _both_lengths(rows)))
    if lengths:
        lost = np.array([found["lost"] for found in lengths])
        means = {key: np.mean([found[key] for found in lengths]) for key in ("step", "end", "psnr")}
        spread = {"lost": lost.mean(), "spread": lost.std(), "worst": lost.max(), "cases": len(lost)}
        listed.append({"fit": "cosine, of 300 or 900 steps", "rule": "length by held-out pixels", **means, **spread})
    return measure.table(listed, COLUMNS)


def _both_lengths(rows: list[Row]) -> list[list[Row]]:
    """Return the short and the long fit of every case that has both."""
    cases: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["candidate"] in LENGTHS:
            cases.setdefault((row["picture"], row["mask"], row["seed"]), []).append(row)
    return [case for case in cases.values() if len(case) == len(LENGTHS)]


def by_length(fits: list[Row]) -> dict[str, float]:
    """Return the fit to all pixels whose length has the smaller held-out error at its end, and all steps taken.

    The loss is that against the best step of both fits.
    """
    chosen = min(fits, key=lambda row: row["held"][-1])["kept"]["last"]
    taken = sum(row["kept"]["last"]["step"] for row in fits) + chosen["step"]
    lost = max(row["kept"]["oracle"]["psnr"] for row in fits) - chosen["psnr"]
    return {"step": chosen["step"], "end": taken, "psnr": chosen["psnr"], "lost": lost}


def draw(path: pathlib.Path, rows: list[Row]) -> None:
    """Draw the errors and the variance over the steps, for the first picture and mask."""
    panels = {}
    for fitted in dict.fromkeys(row["candidate"] for row in rows):
        row = next(row for row in rows if row["candidate"] == fitted)
        steps = [float(EVERY * (index + 1)) for index in range(len(row["true"]))]
        named = {"missing pixels": "true", "held-out pixels (noisy)": "held", "variance in the window": "variance"}
        panels[f"mean squared error, {fitted}: {row['picture']}, {row['mask']}"] = {
            name: (steps, [np.nan if value is None else value for value in row[key]]) for name, key in named.items()
        }
    plots.lines(path, panels, "steps")


def _psnr(error: float) -> float:
    return float(-10 * np.log10(error))
