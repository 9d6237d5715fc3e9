"""What benchmarks/network_gain.py puts into the place of the network's values: controls, and variations of the fit.

Every function maps a problem with a guide, and the settings of a fit, to values on the whole grid.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from inrr_jax.fields.factorised import tucker
from inrr_jax.fields.parts.factors import Factor, siren_factor
from inrr_jax.operators.masking import paste
from inrr_jax.options import change
from inrr_jax.priors import patch_groups
from inrr_jax.priors.patch_groups import Geometry
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.programs import static_key
from inrr_jax.types import Image

BLUR = 1.0
"""Standard deviation of the Gaussian filter of the control `blurred guide`, in pixels."""
SMOOTH = 2.0
"""That of the trend which `residual` subtracts."""
MEMBERS = 3
"""Fits of an ensemble."""
GEOMETRY = Geometry(side=8, spacing=4, radius=12, members=32)
RANKS = (5, 5, 8)
"""Functions of the row and the column within a patch, and of the number of a member."""
GUIDE_WEIGHT = 0.1
"""Weight of missing pixels, whose values are those of the guide, where an observed one has 1."""
GROUP_STEPS, GROUP_RATE, GROUP_OMEGA = 400, 5e-3, 4.0
"""Steps and rate of Adam, and the frequency factor of every factor in radians per half of its axis."""


def unchanged(problem: Problem, settings: Settings) -> Image:
    """Return the guide itself: what a plain grid of values is fitted to, which already is at its optimum."""
    return np.asarray(problem.auxiliary["guide"])


def blurred(problem: Problem, settings: Settings, deviation: float = BLUR) -> Image:
    """Return the guide after a Gaussian filter: smooth, and no network."""
    from scipy.ndimage import gaussian_filter

    guide = np.asarray(problem.auxiliary["guide"])
    return gaussian_filter(guide, (deviation, deviation, 0), mode="nearest")


def annealed(
    problem: Problem, settings: Settings, weight: Callable[[float], float] = lambda share: 1.0 - share
) -> Image:
    """Fit with a weight of the guide that falls from chunk to chunk.

    Args:
        problem: with a guide.
        settings: of the fit.
        weight: the factor on the guide's weight as a function of the share of the steps taken.
    """
    state, hyper, key = fit.init(problem, settings)
    static, chunk, steps = static_key(settings), settings.train.chunk, settings.train.steps
    first = hyper.weight["guide"]
    for done in range(0, steps, chunk):
        weights = {**hyper.weight, "guide": jnp.float32(first * weight(done / steps))}
        length = min(chunk, steps - done)
        state, info = fit.fit_chunk(
            state, problem.visible, hyper._replace(weight=weights), key, static=static, length=length
        )
        fit.check_finite(info, state.params, done)
    return np.asarray(fit.recover(state.params, hyper, problem.domain, settings))


def residual(problem: Problem, settings: Settings) -> Image:
    """Fit the difference between the picture and the blurred guide, and add the latter again.

    A trend that interpolates the observed pixels, such as the harmonic fill, would have no difference there.
    """
    trend, mask = blurred(problem, settings, SMOOTH), np.asarray(problem.operator.mask)[..., None]
    difference = problem._replace(
        domain=replace(problem.domain, bounds=(-1.0, 1.0)),
        measurements=np.where(mask, problem.measurements - trend, np.float32(0)),
        auxiliary={"guide": problem.auxiliary["guide"] - trend},
        truth=None,
    )
    return (trend + fit.solve(difference, settings)).clip(0, 1)


def unguided(problem: Problem, settings: Settings) -> Image:
    """Fit the observed pixels with the term `inrr` in place of the guide, so that other errors are made."""
    return fit.solve(problem, change(settings, {"regularizer.name": "inrr"}))


def ensemble(problem: Problem, settings: Settings) -> Image:
    """Return the mean of fits with consecutive seeds."""
    return np.mean([fit.solve(problem, replace(settings, seed=settings.seed + i)) for i in range(MEMBERS)], axis=0)


def group_functions(problem: Problem, settings: Settings) -> Image:
    r"""Fit one low-rank function to every group of similar patches of the guide, and average overlapping patches.

    X_g(i, j, k, c) = sum over a, b, r of core_g[a, b, r, c] u_a(i) v_b(j) w_r(k)

    for row i, column j and channel c of member k in group g. The functions u, v and w are tiny SIRENs that all groups
    share, and a group has a core of its own: the coupled factorisation of CRNL (Luo, Zhao and Meng, "Revisiting
    nonlocal self-similarity from continuous representation", TPAMI 2024). There, groups are found by a network fitted
    before; here in the guide, whose values count a little where nothing is observed.
    """
    guide, mask = jnp.asarray(problem.auxiliary["guide"]), jnp.asarray(problem.operator.mask)
    groups = patch_groups.find(guide, GEOMETRY).members
    target = paste(guide, jnp.asarray(problem.measurements), mask)
    weight = jnp.where(mask, 1.0, GUIDE_WEIGHT)[..., None]
    values, count = _fit_groups(target, weight, groups, jax.random.key(settings.seed), steps=GROUP_STEPS)
    return np.asarray(values / count).clip(0, 1)


@partial(jax.jit, static_argnames="steps")
def _fit_groups(
    target: Float[Array, "H W C"],
    weight: Float[Array, "H W 1"],
    groups: Int[Array, "G K"],
    key: Key[Array, ""],
    *,
    steps: int,
) -> tuple[Float[Array, "H W C"], Float[Array, "H W 1"]]:
    """Return the sum of the fitted patches at their places, and how many there are at every pixel."""
    sides = GEOMETRY.sides(target.shape)

    def patches(image):
        return patch_groups.take(jnp.moveaxis(image, -1, 0), groups, sides).reshape(*groups.shape, -1, *sides)

    factors = [_factor(n, rank) for n, rank in zip((*sides, groups.shape[1]), RANKS, strict=True)]
    keys, seen, wanted = jax.random.split(key, 4), patches(weight), patches(target)
    mean = (seen * wanted).sum((1, 3, 4), keepdims=True) / seen.sum((1, 3, 4), keepdims=True)
    core = 0.01 * jax.random.normal(keys[3], (len(groups), *RANKS, target.shape[-1]))
    params = {"core": core, "factors": [factor.init(k) for factor, k in zip(factors, keys, strict=False)]}

    def model(params):
        axes = [
            factor.apply(own, jnp.arange(n, dtype=jnp.float32), {"omega": GROUP_OMEGA})
            for factor, own, n in zip(factors, params["factors"], (*sides, groups.shape[1]), strict=True)
        ]
        return mean + jnp.einsum("gabrc,ia,jb,kr->gkcij", params["core"], *axes, optimize="optimal")

    def loss(params):
        return jnp.sum(seen * jnp.square(model(params) - wanted)) / seen.sum()

    adam = optax.adam(optax.cosine_decay_schedule(GROUP_RATE, steps))

    def step(carry, _):
        params, state = carry
        updates, state = adam.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, adam.init(params)), length=steps)
    fitted = model(params).reshape(*groups.shape, target.shape[-1], -1)
    ones = jnp.ones((*groups.shape, 1, fitted.shape[-1]))
    values, count = (
        patch_groups.add(jnp.zeros((part.shape[2], *target.shape[:2])), groups, part, sides) for part in (fitted, ones)
    )
    return jnp.moveaxis(values, 0, -1), jnp.moveaxis(count, 0, -1)


def _factor(nodes: int, rank: int) -> Factor:
    config: Any = tucker.Config(factor_width=32, factor_depth=2)
    return siren_factor(config, nodes, nodes, rank)


Solve = Callable[[Problem, Settings], Image]
CONTROLS: dict[str, Solve] = {"guide again": unchanged, "blurred guide": blurred}
VARIANTS: dict[str, Solve] = {
    "falling guide weight": annealed,
    "fit of the residual": residual,
    "group functions": group_functions,
    "INRR without a guide": unguided,
    "ensemble of 3": ensemble,
}
