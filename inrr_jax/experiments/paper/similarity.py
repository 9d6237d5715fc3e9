"""The adjacencies of INRR's graphs, and their length scales, while they are learned."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.experiments.analysis import similarity_scale
from inrr_jax.experiments.paper.runs import Property, Runs, format_mean_and_deviation, load, seeded
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.options import change
from inrr_jax.training import fit

SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Fractions of the run at which the table and the figure show the graphs."""
CAPTION = (
    "Learned adjacency of the rows and of the columns at several times of one run, and its scale, the mean |i - j| in"
    " pixels weighted by A, over the runs of all seeds."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Fit with INRR, and compute the adjacencies at every recorded time."""
    adjacencies, steps = [], np.zeros(1)
    for seed in range(settings.seeds):
        one = seeded(change(settings.fit, {"regularizer.name": "inrr"}), seed)
        problem = load(one)
        run = runs.follow(problem, one)
        steps = run.steps
        laplacians = [fit.laplacians(params, problem.domain, one)["inrr"] for params in run.laplacians]
        adjacencies.append({axis: np.stack([_adjacency(each[axis]) for each in laplacians]) for axis in ("row", "col")})
    scales = {
        axis: np.array([[float(similarity_scale(jnp.asarray(a))) for a in one[axis]] for one in adjacencies])
        for axis in ("row", "col")
    }
    times = [round(share * (len(steps) - 1)) for share in SHARES]
    table = [
        {"axis": axis} | {f"step {steps[t]}": format_mean_and_deviation(values[:, t], 1) for t in times}
        for axis, values in scales.items()
    ]
    claims = {
        # times[1] is a tenth of the run. The initial scale, at times[0], is that of a random network.
        f"{axis}: the scale is finer at the end than at a tenth of the run, with every seed": bool(
            (values[:, -1] < values[:, times[1]]).all()
        )
        for axis, values in scales.items()
    }
    shown = {axis: adjacencies[0][axis][times] for axis in scales}
    return Property(CAPTION, table, claims, {"steps": steps, "times": times, "scales": scales, "shown": shown})


def _adjacency(laplacian: Float[Array, "n n"]) -> Float[np.ndarray, "n n"]:
    """Return the adjacency A of a Laplacian D - A with a zero diagonal, since L does not depend on self-loops."""
    similar = -np.array(laplacian)
    np.fill_diagonal(similar, 0.0)
    # Rounding can turn a zero weight slightly negative, or into -0.
    return np.maximum(similar, 0.0)
