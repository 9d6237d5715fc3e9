"""Figure 2 of the paper: a damaged picture, recovered by a SIREN alone and by a SIREN with INRR."""

import numpy as np
from jaxtyping import Bool

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.experiments.paper.runs import (
    Property,
    Runs,
    format_mean_and_deviation,
    load,
    regularized,
    seeded,
)
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.problem import Problem

METHODS = {"SIREN": "none", "+ Tikhonov": "Tikhonov", "+ TV": "TV", "+ AIR": "AIR", "+ INRR": "INRR"}
"""The regulariser of each method."""
CAPTION = (
    "Baboon under writing and a thick stroke (12.5 % missing, red), recovered by a SIREN alone and with each"
    " regulariser; the first seed, PSNR on missing pixels. Only INRR's weight was chosen for this picture."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Recover the picture by every method, and by the harmonic fill as the baseline."""
    fits = [seeded(settings.fit, seed) for seed in range(settings.seeds)]
    problems = [load(one) for one in fits]
    recovered = {
        name: [
            runs.follow(problem, regularized(one, term)).recovered[-1]
            for one, problem in zip(fits, problems, strict=True)
        ]
        for name, term in METHODS.items()
    }
    recovered["harmonic fill"] = [harmonic(problem.measurements, _mask(problem)) for problem in problems]
    scores = {
        name: [metrics.summarize(x, of.truth, _mask(of)) for x, of in zip(pictures, problems, strict=True)]
        for name, pictures in recovered.items()
    }
    psnr = {name: [score["psnr_missing"] for score in many] for name, many in scores.items()}
    inrr = np.array(psnr["+ INRR"])
    claims = {
        f"SIREN + INRR beats {name.replace('+', 'SIREN +')}, with every seed": bool((inrr > psnr[name]).all())
        for name in METHODS
        if name != "+ INRR"
    }
    claims["SIREN + INRR beats the harmonic fill, on average"] = bool(inrr.mean() > np.mean(psnr["harmonic fill"]))
    data = {"image": problems[0].truth, "mask": _mask(problems[0]), "psnr": psnr}
    data["recovered"] = {name: recovered[name][0] for name in METHODS}
    return Property(CAPTION, _table(scores), claims, data)


def _mask(problem: Problem) -> Bool[np.ndarray, "H W"]:
    return np.asarray(problem.operator.mask)


def _table(scores: dict[str, list[dict[str, float]]]) -> list[dict[str, str]]:
    columns = {
        "PSNR missing / dB": ("psnr_missing", 2),
        "PSNR observed / dB": ("psnr_observed", 2),
        "SSIM pasted": ("ssim_pasted", 4),
    }
    return [
        {"method": name}
        | {
            title: format_mean_and_deviation([score[key] for score in many], digits)
            for title, (key, digits) in columns.items()
        }
        for name, many in scores.items()
    ]
