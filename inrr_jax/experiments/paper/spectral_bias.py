"""The spectral bias of fields: the order in which they fit the frequencies of a picture."""

import jax.numpy as jnp
import numpy as np

from inrr_jax.experiments.analysis import spectral_error
from inrr_jax.experiments.paper.runs import Property, Runs, format_mean_and_deviation, load, seeded
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.operators.masking import masked
from inrr_jax.options import change

FIELDS = {"SIREN": "siren", "ReLU": "relu"}
"""The setting field.name of each field."""
BANDS = 8
"""Bands of equal width that divide the radial frequencies from 0 to 1/2 cycles per pixel."""
CAPTION = (
    "Relative squared error in bands of radial frequency while the whole picture, with no pixel missing, is fitted;"
    " mean over the seeds. 1: nothing is fitted yet."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Fit every field to the whole picture, and compute the error of every recorded recovery in each band."""
    errors, steps = {}, np.zeros(1)
    for title, name in FIELDS.items():
        curves = []
        for seed in range(settings.seeds):
            one = seeded(change(settings.fit, {"field.name": name, "regularizer.name": "none"}), seed)
            picture = load(one).truth
            run = runs.follow(masked(picture, np.ones(picture.shape[:2], bool)), one)
            mean = picture.mean()  # it is subtracted because it would dominate the energy of the lowest band
            truth = jnp.asarray(picture - mean)
            curves.append([np.asarray(spectral_error(jnp.asarray(x - mean), truth, BANDS)) for x in run.recovered])
            steps = run.steps
        errors[title] = np.array(curves)
    table = [
        {"field": title, "band / (cycles/pixel)": f"{b / 2 / BANDS:.3f}-{(b + 1) / 2 / BANDS:.3f}"}
        | {
            "steps to half": _format_steps(_steps_to_half(values, steps)[:, b], int(steps[-1])),
            "error at the end": format_mean_and_deviation(values[:, -1, b], 3),
        }
        for title, values in errors.items()
        for b in range(BANDS)
    ]
    claims = {}
    for title, values in errors.items():
        reached = _steps_to_half(values, steps)
        count = int((reached <= steps[-1]).all(axis=0).sum())
        claim = f"{title}: no band is half fitted before a lower one, with every seed ({count} of {BANDS} are reached)"
        # With at most one band reached, there is no order that could be violated.
        claims[claim] = count > 1 and bool((np.diff(reached, axis=1) >= 0).all())
    return Property(CAPTION, table, claims, {"steps": steps, "errors": errors, "bands": BANDS})


def _steps_to_half(errors: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the first recorded step at which the relative error is below 1/2.

    Args:
        errors: of every seed, time and band, [S, T, B].
        steps: recorded steps [T].

    Returns:
        Steps [S, B]; a number larger than the last step for bands whose error stays above.
    """
    under = errors < 0.5
    return np.where(under.any(axis=1), steps[under.argmax(axis=1)], steps[-1] + 1)


def _format_steps(reached: np.ndarray, last: int) -> str:
    """Return the mean and standard deviation of the steps, if every seed has reached one half by the last step."""
    return format_mean_and_deviation(reached, 0) if (reached <= last).all() else "not reached with every seed"
