"""A Laplacian that is learned during the whole fit, compared with fixed Laplacians from an earlier fit."""

import numpy as np

from inrr_jax import metrics
from inrr_jax.experiments.paper.runs import (
    Property,
    Run,
    Runs,
    format_mean_and_deviation,
    load,
    regularized,
    seeded,
)
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings

SHARES = (0.1, 0.25, 0.5, 1.0)
"""Fractions of the first fit's steps after which its Laplacians are taken."""
CAPTION = (
    "PSNR on missing pixels: INRR's Laplacian learned throughout, against the Laplacian that the same seed's INRR run"
    " had after 10, 25, 50 and 100 % of its steps, fixed for a whole new run."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Fit without a regulariser, with a learned Laplacian, and with each of the frozen Laplacians."""
    psnr: dict[str, list[float]] = {}
    for seed in range(settings.seeds):
        for name, score in _scores(seeded(settings.fit, seed), runs).items():
            psnr.setdefault(name, []).append(score)
    learned = np.array(psnr["learned"])
    table = [
        {
            "Laplacian": name,
            "PSNR missing / dB": format_mean_and_deviation(scores),
            # The deviation is that of the paired differences, which excludes the differences between seeds.
            "learned minus this / dB": format_mean_and_deviation(learned - scores),
        }
        for name, scores in psnr.items()
    ]
    frozen = {name: np.array(scores) for name, scores in psnr.items() if name.startswith("frozen")}
    claims = {
        f"learning throughout beats L {name}, with every seed": bool((learned > scores).all())
        for name, scores in frozen.items()
    }
    claims["learning L beats no regulariser, with every seed"] = bool((learned > psnr["none"]).all())
    return Property(CAPTION, table, claims, {"psnr": psnr})


def _scores(settings: Settings, runs: Runs) -> dict[str, float]:
    """Return the PSNR on missing pixels in dB, by the kind of Laplacian, for one seed."""
    problem = load(settings)

    def psnr(run: Run) -> float:
        return float(metrics.psnr(run.recovered[-1], problem.truth, ~np.asarray(problem.operator.mask)))

    free = {"none": "none", "learned": "INRR"}
    scores = {name: psnr(runs.follow(problem, regularized(settings, term))) for name, term in free.items()}
    frozen = {share: psnr(follow_frozen(problem, settings, share, runs)) for share in SHARES}
    return scores | {f"frozen at {100 * share:.0f} %": score for share, score in frozen.items()}


def follow_frozen(problem: Problem, settings: Settings, share: float, runs: Runs) -> Run:
    """Fit with INRR's Laplacians, fixed at what they are after a share of the steps of a first fit that learns them.

    Args:
        problem: the masked picture.
        settings: of both fits.
        share: of the first fit's steps, in [0, 1].
        runs: makes both fits.
    """
    learned = regularized(settings, "INRR")
    source = runs.follow(problem, learned)
    laplacians = source.laplacians[round(share * (len(source.steps) - 1))]
    return runs.follow(problem, change(learned, {"optimizer.laplacian_rate": 0.0}), laplacians)
