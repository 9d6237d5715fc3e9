"""A Laplacian learned throughout, against fixed ones from an earlier run."""

import numpy as np

from inrr_jax import metrics
from inrr_jax.data import problem
from inrr_jax.experiments.paper.runs import Property, Run, follow, seeded, spread
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.settings import Settings, change

SHARES = (0.1, 0.25, 0.5, 1.0)
CAPTION = (
    "PSNR on missing pixels: INRR's Laplacian learned throughout, against the Laplacian that the same seed's INRR run"
    " had after 10, 25, 50 and 100 % of its steps, fixed for a whole new run."
)


def measure(settings: FiguresSettings) -> Property:
    """Fit without, with a learned, and with each frozen Laplacian."""
    psnr: dict[str, list[float]] = {}
    for seed in range(settings.seeds):
        for name, score in _scores(seeded(settings.fit, seed)).items():
            psnr.setdefault(name, []).append(score)
    learned = np.array(psnr["learned"])
    table = [
        {
            "Laplacian": name,
            "PSNR missing / dB": spread(scores),
            "learned minus this / dB": spread(learned - scores),
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


def _scores(fit: Settings) -> dict[str, float]:
    task = problem.load(fit)

    def psnr(run: Run) -> float:
        return float(metrics.psnr(run.recovered[-1], task.image, ~task.mask))

    source = follow(task, change(fit, {"regularizer.name": "inrr"}))
    still = change(fit, {"regularizer.name": "inrr", "optimizer.laplacian_rate": 0.0})
    none = change(fit, {"regularizer.name": "none"})
    scores = {"none": psnr(follow(task, none)), "learned": psnr(source)}
    for share in SHARES:
        frozen = source.laplacians[round(share * (len(source.steps) - 1))]
        scores[f"frozen at {100 * share:.0f} %"] = psnr(follow(task, still, frozen))
    return scores
