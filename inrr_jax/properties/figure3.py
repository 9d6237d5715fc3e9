"""Figure 3 of INRR: how well a SIREN alone generalises, over omega, missing rate and kind of mask."""

import numpy as np

from inrr_jax import metrics, problem
from inrr_jax.properties.runs import Property, final, seeded, spread
from inrr_jax.properties.settings import FiguresSettings
from inrr_jax.settings import change

MODES = ("random", "density")
CAPTION = (
    "PSNR on missing pixels of a SIREN without regulariser, over the frequency factor of its first layer, for uniformly"
    " random masks and for masks whose missing rate grows from left to right. Dots: the best omega of each rate."
)


def measure(settings: FiguresSettings) -> Property:
    """Fit every omega at every missing rate, with both kinds of mask."""
    omegas = np.geomspace(5, 50, settings.omegas).round(1).tolist()
    rates = np.linspace(0.3, 0.9, settings.rates).round(3).tolist()
    psnr = np.array([[[_scores(settings, mode, r, w) for w in omegas] for r in rates] for mode in MODES])
    best = psnr.mean(axis=-1).argmax(axis=-1)
    table = [
        {"mask": mode, "missing rate": f"{rate:.2f}", "best omega": f"{omegas[best[m, r]]:g}"}
        | {f"omega {omega:g}": spread(psnr[m, r, w]) for w, omega in enumerate(omegas)}
        for m, mode in enumerate(MODES)
        for r, rate in enumerate(rates)
    ]
    claims = {
        f"with {mode} masks the best omega never rises with the missing rate, and falls over all": bool(
            (np.diff(best[m]) <= 0).all() and best[m, -1] < best[m, 0]
        )
        for m, mode in enumerate(MODES)
    }
    caption = f"{CAPTION} {settings.small} pixels."
    return Property(caption, table, claims, {"omegas": omegas, "rates": rates, "modes": MODES, "psnr": psnr})


def _scores(settings: FiguresSettings, mode: str, rate: float, omega: float) -> list[float]:
    size = {"data.size": settings.small, "regularizer.name": "none"}
    scores = []
    for seed in range(settings.seeds):
        changes = {"mask.mode": mode, "mask.rate": rate, "field.omega": omega}
        fit = seeded(change(settings.fit, size | changes), seed)
        task = problem.load(fit)
        scores.append(float(metrics.psnr(final(task, fit), task.image, ~task.mask)))
    return scores
