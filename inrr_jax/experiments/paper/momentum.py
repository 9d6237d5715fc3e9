"""Learned Laplacians compared with momentum: the errors along a fit, and the directions of its updates."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.experiments.analysis import Trajectory, area_between, cosine, share_falling
from inrr_jax.experiments.paper.runs import (
    Property,
    Runs,
    format_mean_and_deviation,
    load,
    regularized,
    seeded,
    trajectory,
)
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.training.programs import StaticKey, static_key

MOMENTUM = 0.9
"""Decay rate of the velocity in heavy-ball momentum."""
COMPARED = ("none", "AIR", "INRR")
"""The regularisers whose errors are compared."""
COSINES = ("INRR, heavy ball", "plain, heavy ball", "energy, past")
"""Names of the three cosines of `directions`."""
CAPTION = (
    "Left: mean squared error on missing against observed pixels while a SIREN is trained (from right to left), without"
    " a regulariser, with AIR and with INRR; one line per seed. Right: cosines of whole-picture gradients along an INRR"
    f" run. Heavy ball: v = {MOMENTUM} v + plain gradient; past: the v of the step before. Where the loss is"
    " stationary, the energy's gradient is minus the plain one."
)


def measure(settings: FiguresSettings, runs: Runs) -> Property:
    """Compare the errors of three fits per seed, and the directions of the updates along an INRR fit."""
    followed: dict[str, list[Trajectory]] = {name: [] for name in COMPARED}
    for name in COMPARED:
        for one in _all_seeds(regularized(settings.fit, name), settings.seeds):
            problem = load(one)
            followed[name].append(trajectory(runs.follow(problem, one), problem))
    # Gradients over the whole grid at every step are affordable for a small picture only.
    small = change(settings.fit, {"data.size": settings.small, "regularizer.name": "inrr"})
    cosines = np.array([directions(load(one), one) for one in _all_seeds(small, settings.seeds)])
    shares = {name: [float(share_falling(run.missing)) for run in many] for name, many in followed.items()}
    areas = {
        name: [float(area_between(*pair)) for pair in zip(followed["none"], many, strict=True)]
        for name, many in followed.items()
    }
    data = {"trajectories": followed, "cosines": cosines, "names": COSINES}
    caption = f"{CAPTION} Gradients at {settings.small} pixels."
    return Property(caption, _table(followed, shares, areas, cosines), _claims(shares, areas, cosines), data)


def _all_seeds(settings: Settings, count: int) -> list[Settings]:
    return [seeded(settings, seed) for seed in range(count)]


def directions(problem: Problem, settings: Settings) -> Float[np.ndarray, "3 T"]:
    """Compare gradients over the whole grid with respect to the field's parameters, at every step of an INRR fit.

    With g_t the gradient of the fidelity alone, h_t that of the loss and v_t = 0.9 v_(t-1) + g_t, the velocity of
    heavy-ball momentum on the fidelity, evaluated at the parameters that the fit visits, the three cosines are

        cos(h_t, v_t),   cos(g_t, v_t),   cos(h_t - g_t, v_(t-1))

    The second is the baseline for the first: successive gradients of any descent are similar. The third compares what
    INRR adds to the plain gradient with what momentum adds. It is NaN at the first step, which has no past.

    Args:
        problem: the masked picture.
        settings: of the fit; its regulariser is inrr.
    """
    state, hyper, key = fit.init(problem, settings)
    return np.array(_directions(state, problem.visible, hyper, key, static=static_key(settings))).T


@partial(jax.jit, static_argnames="static")
def _directions(state, problem, hyper, key, *, static: StaticKey) -> Float[Array, "T 3"]:
    gradient = _whole_gradient(problem, static)

    def body(carry, _):
        state, past = carry
        plain = gradient(state.params, hyper._replace(weight={"inrr": 0.0}))
        full = gradient(state.params, hyper)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, past, plain)
        energy = jax.tree.map(jnp.subtract, full, plain)
        row = jnp.stack([cosine(full, velocity), cosine(plain, velocity), cosine(energy, past)])
        return (fit.step(state, problem, hyper, key, static)[0], velocity), row

    start = (state, jax.tree.map(jnp.zeros_like, state.params["field"]))
    return jax.lax.scan(body, start, length=static.steps)[1]


def _whole_gradient(problem: Problem, static: StaticKey):
    """Return (params, hyper) -> gradient of the exact loss with respect to the field's parameters."""
    parts = {
        "field": static.build_field(problem.domain),
        "regularizer": static.build_regularizer(problem.domain),
        # 0 evaluates the whole grid instead of random fibers, so the key below has no effect.
        "fiber_count": 0,
    }

    def loss(field, params, hyper):
        return objective({**params, "field": field}, problem, hyper, jax.random.key(0), **parts)[0]

    return lambda params, hyper: jax.grad(loss)(params["field"], params, hyper)


def _rise(run: Trajectory) -> float:
    """Return the missing error at the end over its smallest value, in dB."""
    return float(10 * jnp.log10(run.missing[-1] / run.missing.min()))


def _table(runs, shares, areas, cosines) -> list[dict[str, str]]:
    rows = [
        {
            "regulariser": name,
            "share of the run with missing error falling": format_mean_and_deviation(shares[name]),
            "missing error, end over best / dB": format_mean_and_deviation([_rise(run) for run in many]),
            "missing PSNR at the end / dB": format_mean_and_deviation(
                [-10 * float(jnp.log10(run.missing[-1])) for run in many]
            ),
            "area below none / 1e-3": format_mean_and_deviation([1e3 * area for area in areas[name]]),
            "mean cosine": "",
        }
        for name, many in runs.items()
    ]
    blank = dict.fromkeys(rows[0], "")
    means = np.nanmean(cosines, axis=-1)
    return rows + [
        blank | {"regulariser": f"cosine: {name}", "mean cosine": format_mean_and_deviation(means[:, i], 3)}
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
