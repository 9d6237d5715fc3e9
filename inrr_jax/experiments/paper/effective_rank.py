"""The effective rank of the recovery while it is fitted."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from inrr_jax.data import problem
from inrr_jax.experiments.analysis import effective_rank
from inrr_jax.experiments.paper.runs import Property, follow, seeded, spread
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.settings import change

FIELDS: dict[str, dict[str, Any]] = {
    "DMF, 3 factors": {"field.name": "dmf", "optimizer.field_rate": 2e-2},
    "SIREN": {"field.name": "siren"},
    "ReLU": {"field.name": "relu"},
}
"""The factors have the rate at which they come furthest on another picture, camera."""
CAPTION = (
    "Effective rank exp(H(sigma / sum sigma)) of the recovery over training without regulariser; mean and range over"
    " the seeds. Dashed: the rank of the whole picture."
)


def measure(settings: FiguresSettings) -> Property:
    """Fit each field, and take the rank at every look."""
    ranks, steps = {}, np.zeros(1)
    for title, changes in FIELDS.items():
        fit = change(settings.fit, {"regularizer.name": "none"} | changes)
        fits = [seeded(fit, seed) for seed in range(settings.seeds)]
        runs = [follow(problem.load(fit), fit) for fit in fits]
        steps = runs[0].steps
        ranks[title] = np.array(
            [[float(effective_rank(jnp.asarray(x[..., 0]))) for x in run.recovered] for run in runs]
        )
    truth = float(effective_rank(jnp.asarray(problem.load(settings.fit).image[..., 0])))
    lowest = {title: values[:, 1:].mean(axis=0).argmin() + 1 for title, values in ranks.items()}
    table = [
        {
            "field": title,
            "at the start": spread(values[:, 0], 1),
            "lowest after the start": spread(values[:, lowest[title]], 1),
            "at step": str(steps[lowest[title]]),
            "half-way": spread(values[:, len(steps) // 2], 1),
            "at the end": spread(values[:, -1], 1),
            "whole picture": f"{truth:.1f}",
        }
        for title, values in ranks.items()
    ]
    claims = {
        f"{title}: after its start the rank is lowest in the first quarter and higher at the end with every seed": bool(
            steps[lowest[title]] <= steps[-1] / 4 and (values[:, -1] > values[:, lowest[title]]).all()
        )
        for title, values in ranks.items()
    }
    return Property(CAPTION, table, claims, {"steps": steps, "ranks": ranks, "truth": truth})
