"""Figure 2 of the paper: a damaged picture, recovered by a SIREN alone and by a SIREN with INRR."""

from typing import Any

import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.experiments.paper.runs import REGULARIZERS, Property, Runs, format_mean_and_deviation, load, seeded
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.options import change

METHODS: dict[str, dict[str, Any]] = {
    "SIREN": REGULARIZERS["none"],
    "+ Tikhonov": {"regularizer.name": "grid"},
    "+ TV": {"regularizer.name": "tv"},
    "+ AIR": REGULARIZERS["AIR"],
    "+ INRR": REGULARIZERS["INRR"],
}
"""Settings that each method changes. INRR has the weight of the fit's settings, every other term its default weight."""
CAPTION = (
    "Baboon under writing and a thick stroke (12.5 % missing, red), recovered by a SIREN alone and with each"
    " regulariser; the first seed, PSNR on missing pixels. Only INRR's weight was chosen for this picture."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Recover the picture by every method, and by the harmonic fill as the baseline."""
    base = change(
        settings.fit, {"data.image": "baboon", "data.size": settings.picture, "mask.mode": "text", "mask.rate": 0.125}
    )
    # All seeds share one mask, so that the figure shows the same damage for every method.
    problem = load(base)
    truth, mask = problem.truth, np.asarray(problem.operator.mask)
    pictures: dict[str, list[Any]] = {name: [] for name in METHODS}
    for name, changes in METHODS.items():
        for seed in range(settings.seeds):
            pictures[name].append(runs.final(problem, seeded(change(base, changes), seed)))
    # The harmonic fill has no seed. Repeating it gives its row of the table a standard deviation of 0.
    pictures["harmonic fill"] = [harmonic(problem.measurements, mask)] * settings.seeds
    scores = {name: [metrics.summarize(x, truth, mask) for x in many] for name, many in pictures.items()}
    psnr = {name: [score["psnr_missing"] for score in many] for name, many in scores.items()}
    inrr = np.array(psnr["+ INRR"])
    claims = {
        f"SIREN + INRR beats {name.replace('+', 'SIREN +')}, with every seed": bool((inrr > psnr[name]).all())
        for name in METHODS
        if name != "+ INRR"
    }
    claims["SIREN + INRR beats the harmonic fill, on average"] = bool(inrr.mean() > np.mean(psnr["harmonic fill"]))
    data = {"image": truth, "mask": mask, "psnr": psnr}
    data["recovered"] = {name: pictures[name][0] for name in METHODS}
    return Property(f"{CAPTION} {settings.picture} pixels.", _table(scores), claims, data)


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
