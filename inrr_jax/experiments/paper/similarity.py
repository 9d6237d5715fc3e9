"""What INRR's Laplacians call similar while they are learned."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.data import problem
from inrr_jax.experiments.analysis import similarity_scale
from inrr_jax.experiments.paper.runs import Property, follow, seeded, spread
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.settings import change
from inrr_jax.training import fit as training

SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Of the run: the times that are drawn and tabled."""
CAPTION = (
    "Learned adjacency of the rows and of the columns at several times of one run, and its scale, the mean |i - j| in"
    " pixels weighted by A, over the runs of all seeds."
)


def measure(settings: FiguresSettings) -> Property:
    """Fit with INRR, and take the adjacencies at every look."""
    adjacencies, steps = [], np.zeros(1)
    for seed in range(settings.seeds):
        fit = seeded(change(settings.fit, {"regularizer.name": "inrr"}), seed)
        task = problem.load(fit)
        run = follow(task, fit)
        steps = run.steps
        looks = [training.laplacians(params, task.mask.shape, fit)["inrr"] for params in run.laplacians]
        adjacencies.append({axis: np.stack([_adjacency(look[axis]) for look in looks]) for axis in ("row", "col")})
    scales = {
        axis: np.array([[float(similarity_scale(jnp.asarray(a))) for a in one[axis]] for one in adjacencies])
        for axis in ("row", "col")
    }
    times = [round(share * (len(steps) - 1)) for share in SHARES]
    table = [
        {"axis": axis} | {f"step {steps[t]}": spread(values[:, t], 1) for t in times} for axis, values in scales.items()
    ]
    claims = {
        f"{axis}: the scale is finer at the end than at a tenth of the run, with every seed": bool(
            (values[:, -1] < values[:, times[1]]).all()
        )
        for axis, values in scales.items()
    }
    shown = {axis: adjacencies[0][axis][times] for axis in scales}
    return Property(CAPTION, table, claims, {"steps": steps, "times": times, "scales": scales, "shown": shown})


def _adjacency(laplacian: Float[Array, "n n"]) -> Float[np.ndarray, "n n"]:
    """Recover A off the diagonal, which L does not see."""
    similar = -np.array(laplacian)
    np.fill_diagonal(similar, 0.0)
    return np.maximum(similar, 0.0)
