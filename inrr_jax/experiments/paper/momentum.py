"""Learned Laplacians beside momentum: trajectories of errors, and directions of updates."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax import fields, grids, regularizers
from inrr_jax.data import problem
from inrr_jax.data.problem import Problem
from inrr_jax.experiments.analysis import Trajectory, area_between, cosine, share_falling
from inrr_jax.experiments.paper.runs import Property, follow, seeded, spread, trajectory
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.settings import Settings, change
from inrr_jax.training import fit as training
from inrr_jax.training.objective import objective

METHODS: dict[str, dict[str, Any]] = {
    "none": {"regularizer.name": "none"},
    "AIR": {"regularizer.name": "air", "optimizer.laplacian_rate": 0.2},
    "INRR": {"regularizer.name": "inrr"},
}
"""AIR has its published weight, and the rate that its free matrix wants (chosen on another picture, camera)."""
MOMENTUM = 0.9
COSINES = ("INRR, heavy ball", "plain, heavy ball", "energy, past")
CAPTION = (
    "Left: mean squared error on missing against observed pixels while a SIREN is trained (from right to left), without"
    " a regulariser, with AIR and with INRR; one line per seed. Right: cosines of whole-picture gradients along an INRR"
    f" run. Heavy ball: v = {MOMENTUM} v + plain gradient; past: the v of the step before. Where the loss is"
    " stationary, the energy's gradient is minus the plain one."
)


def measure(settings: FiguresSettings) -> Property:
    """Compare the errors of three runs per seed, and the directions along one."""
    runs: dict[str, list[Trajectory]] = {name: [] for name in METHODS}
    for name, changes in METHODS.items():
        for seed in range(settings.seeds):
            fit = seeded(change(settings.fit, changes), seed)
            task = problem.load(fit)
            runs[name].append(trajectory(follow(task, fit), task))
    small = change(settings.fit, {"data.size": settings.small, "regularizer.name": "inrr"})
    cosines = np.array([directions(problem.load(fit), fit) for fit in _seeds(small, settings.seeds)])
    shares = {name: [float(share_falling(run.missing)) for run in many] for name, many in runs.items()}
    areas = {
        name: [float(area_between(*pair)) for pair in zip(runs["none"], many, strict=True)]
        for name, many in runs.items()
    }
    data = {"trajectories": runs, "cosines": cosines, "names": COSINES}
    caption = f"{CAPTION} Gradients at {settings.small} pixels."
    return Property(caption, _table(runs, shares, areas, cosines), _claims(shares, areas, cosines), data)


def _seeds(settings: Settings, count: int) -> list[Settings]:
    return [seeded(settings, seed) for seed in range(count)]


def directions(task: Problem, settings: Settings) -> Float[np.ndarray, "3 T"]:
    """Compare, at every step of an INRR run, gradients by the field's parameters over the whole grid.

    With g of the fidelity alone, h that of the loss and v_t = 0.9 v_(t-1) + g_t, the velocity of heavy-ball momentum
    on the plain loss at the points that the run visits:

        cos(h_t, v_t),   cos(g_t, v_t),   cos(h_t - g_t, v_(t-1))

    The second is what any descent shares with its own past; the third compares what INRR adds to the plain gradient
    with what momentum adds. The last is NaN at the first step, which has no past.
    """
    state, knobs, key = training.start(task.signal, settings)
    return np.array(_directions(state, task.signal, knobs, key, settings=settings)).T


@partial(jax.jit, static_argnames="settings")
def _directions(state, signal, knobs, key, *, settings: Settings) -> Float[Array, "T 3"]:
    gradient = _whole_gradient(signal, settings)

    def body(carry, _):
        state, past = carry
        plain = gradient(state.params, knobs._replace(weight={"inrr": 0.0}))
        full = gradient(state.params, knobs)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, past, plain)
        energy = jax.tree.map(jnp.subtract, full, plain)
        row = jnp.stack([cosine(full, velocity), cosine(plain, velocity), cosine(energy, past)])
        return (training.step(state, signal, knobs, key, settings)[0], velocity), row

    start = (state, jax.tree.map(jnp.zeros_like, state.params["field"]))
    return jax.lax.scan(body, start, length=settings.train.steps)[1]


def _whole_gradient(signal, settings: Settings):
    """Return (params, knobs) -> gradient of the loss over the whole grid by the field's parameters."""
    grid, channels = signal.mask.shape, signal.values.shape[-1]
    axes = tuple(jnp.asarray(axis) for axis in grids.axes(grid))
    pieces = {
        "field": fields.on_grid(settings.field, grid, channels),
        "regularizer": regularizers.make(settings.regularizer, grid),
        "count": 0,
    }

    def loss(field, params, knobs):
        return objective({**params, "field": field}, signal, axes, knobs, jax.random.key(0), **pieces)[0]

    return lambda params, knobs: jax.grad(loss)(params["field"], params, knobs)


def _rise(run: Trajectory) -> float:
    """Decibels by which the missing error ends above its smallest value."""
    return float(10 * jnp.log10(run.missing[-1] / run.missing.min()))


def _table(runs, shares, areas, cosines) -> list[dict[str, str]]:
    rows = [
        {
            "regulariser": name,
            "share of the run with missing error falling": spread(shares[name]),
            "missing error, end over best / dB": spread([_rise(run) for run in many]),
            "missing PSNR at the end / dB": spread([-10 * float(jnp.log10(run.missing[-1])) for run in many]),
            "area below none / 1e-3": spread([1e3 * area for area in areas[name]]),
            "mean cosine": "",
        }
        for name, many in runs.items()
    ]
    blank = dict.fromkeys(rows[0], "")
    means = np.nanmean(cosines, axis=-1)
    return rows + [
        blank | {"regulariser": f"cosine: {name}", "mean cosine": spread(means[:, i], 3)}
        for i, name in enumerate(COSINES)
    ]


def _claims(shares, areas, cosines) -> dict[str, bool]:
    means = np.nanmean(cosines, axis=-1)
    claims = {}
    for name in ("AIR", "INRR"):
        longer = all(a > b for a, b in zip(shares[name], shares["none"], strict=True))
        claims[f"{name} keeps the missing error falling for longer than no regulariser, with every seed"] = longer
        smaller = all(area > 0 for area in areas[name])
        claims[f"{name} has the smaller missing error at equal fit of the observed, with every seed"] = smaller
    claims["INRR's gradient is nearer to heavy-ball momentum than the plain gradient, with every seed"] = bool(
        (means[:, 0] > means[:, 1]).all()
    )
    claims["what INRR adds points along the past gradients (mean cosine above 0), with every seed"] = bool(
        (means[:, 2] > 0).all()
    )
    return claims
