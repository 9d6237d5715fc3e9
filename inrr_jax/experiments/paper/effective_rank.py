"""The effective rank of the recovery during training, for fields without a regulariser."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from inrr_jax.experiments.analysis import effective_rank
from inrr_jax.experiments.paper.runs import Property, Runs, format_mean_and_deviation, load, seeded
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.options import change

FIELDS: dict[str, dict[str, Any]] = {
    "DMF, 3 factors": {"field.name": "dmf", "optimizer.field_rate": 2e-2},
    "SIREN": {"field.name": "siren"},
    "ReLU": {"field.name": "relu"},
}
"""Settings that each field changes. The rate of DMF gave its best recovery of another picture, camera."""
CAPTION = (
    "Effective rank exp(H(sigma / sum sigma)) of the recovery over training without regulariser; mean and range over"
    " the seeds. Dashed: the rank of the whole picture."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Fit every field without a regulariser, and compute the effective rank of every recorded recovery."""
    ranks, steps = {}, np.zeros(1)
    for title, changes in FIELDS.items():
        base = change(settings.fit, {"regularizer.name": "none"} | changes)
        fits = [seeded(base, seed) for seed in range(settings.seeds)]
        followed = [runs.follow(load(one), one) for one in fits]
        steps = followed[0].steps
        ranks[title] = np.array(
            [[float(effective_rank(jnp.asarray(x[..., 0]))) for x in run.recovered] for run in followed]
        )
    truth = float(effective_rank(jnp.asarray(load(settings.fit).truth[..., 0])))
    # The initial rank, at index 0, is a property of the initialisation and not of the training.
    lowest = {title: values[:, 1:].mean(axis=0).argmin() + 1 for title, values in ranks.items()}
    table = [
        {
            "field": title,
            "at the start": format_mean_and_deviation(values[:, 0], 1),
            "lowest after the start": format_mean_and_deviation(values[:, lowest[title]], 1),
            "at step": str(steps[lowest[title]]),
            "half-way": format_mean_and_deviation(values[:, len(steps) // 2], 1),
            "at the end": format_mean_and_deviation(values[:, -1], 1),
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
