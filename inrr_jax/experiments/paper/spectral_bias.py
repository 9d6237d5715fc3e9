"""The order in which frequencies are fitted."""

import jax.numpy as jnp
import numpy as np

from inrr_jax.data import problem
from inrr_jax.experiments.analysis import spectral_error
from inrr_jax.experiments.paper.runs import Property, follow, seeded, spread
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.settings import change

FIELDS = {"SIREN": "siren", "ReLU": "relu"}
BANDS = 8
CAPTION = (
    "Relative squared error in bands of radial frequency while the whole picture, with no pixel missing, is fitted;"
    " mean over the seeds. 1: nothing is fitted yet."
)


def measure(settings: FiguresSettings) -> Property:
    """Fit each field to the whole picture, and take the spectrum of its error at every look."""
    errors, steps = {}, np.zeros(1)
    for title, name in FIELDS.items():
        runs = []
        for seed in range(settings.seeds):
            fit = seeded(change(settings.fit, {"field.name": name, "regularizer.name": "none"}), seed)
            task = problem.load(fit)
            task = task._replace(mask=np.ones_like(task.mask))
            run = follow(task, fit)
            mean = task.image.mean()  # else it would be most of the lowest band
            truth = jnp.asarray(task.image - mean)
            runs.append([np.asarray(spectral_error(jnp.asarray(x - mean), truth, BANDS)) for x in run.recovered])
            steps = run.steps
        errors[title] = np.array(runs)
    table = [
        {"field": title, "band / (cycles/pixel)": f"{b / 2 / BANDS:.3f}-{(b + 1) / 2 / BANDS:.3f}"}
        | {
            "steps to half": _told(_steps_to_half(values, steps)[:, b], steps[-1]),
            "error at the end": spread(values[:, -1, b], 3),
        }
        for title, values in errors.items()
        for b in range(BANDS)
    ]
    claims = {}
    for title, values in errors.items():
        reached = _steps_to_half(values, steps)
        count = int((reached <= steps[-1]).all(axis=0).sum())
        claim = f"{title}: no band is half fitted before a lower one, with every seed ({count} of {BANDS} are reached)"
        claims[claim] = count > 1 and bool((np.diff(reached, axis=1) >= 0).all())
    return Property(CAPTION, table, claims, {"steps": steps, "errors": errors, "bands": BANDS})


def _steps_to_half(errors: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return, for each seed and band, the first step with a relative error under 1/2; beyond the run if none."""
    under = errors < 0.5
    return np.where(under.any(axis=1), steps[under.argmax(axis=1)], steps[-1] + 1)


def _told(reached: np.ndarray, last: int) -> str:
    return spread(reached, 0) if (reached <= last).all() else "not reached with every seed"
