r"""Plug-and-play splitting: the misfit of any operator and a denoiser are minimised in turn, by values on the grid.

The problem min misfit(A V) + R(V) with a prior R that is known by its denoiser D alone is solved by the alternating
direction method of multipliers (ADMM). With the scaled dual variable U, a round is

    data step:   V <- argmin  misfit(A V) + rho mean |V - (Z - U)|²,  by conjugate gradients
    prior step:  Z <- D_sigma(V + U)
    dual step:   U <- U + V - Z

where D_sigma is the thresholding of groups of similar patches (priors/low_rank.py), followed by Wiener's filter of the
same groups (priors/conditional.py), and sigma falls in every round. The first Z is Tikhonov's recovery with a small
weight, or that of total variation, because a denoiser would keep whatever the values are where nothing is measured.
Venkatakrishnan, Bouman and Wohlberg, GlobalSIP 2013 (plug-and-play priors); Zhang, Zhao and Gao, IEEE TIP 2014 (patch
groups under a mask).
"""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.baselines.inverse import tv
from inrr_jax.priors import conditional, low_rank, patch_groups
from inrr_jax.priors.patch_groups import Geometry, Groups
from inrr_jax.problem import Problem
from inrr_jax.settings import PriorSettings

Picture = Float[np.ndarray, "H W C"]
Denoise = Callable[[Picture, float], Picture]
"""Removes noise of a standard deviation from values."""

START = "loop_start"
"""The auxiliary array of a problem that is the first estimate, so that candidates of other settings share it."""
START_WEIGHT = 1e-2
"""Of Tikhonov's energy in the first estimate."""
START_STEPS = 200
"""Of the descent that finds it."""
ITERATIONS = 12
"""Of conjugate gradients in a data step; they start from the values of the round before. With 30, the
coins (128 x 128 pixels, 15 views) are recovered equally well."""
GEOMETRY = Geometry(side=6, spacing=3, radius=20, members=60)
"""Of the patch groups."""
REGROUP = 3
"""Rounds after which the groups are searched for again. A search in every round takes twice as long and is no better
(docs/inverse.md)."""


def recover(problem: Problem, prior: PriorSettings, denoise: Denoise | None = None) -> Picture:
    """Return the values of the last data step; without feedback those of the last prior step.

    Args:
        problem: a picture that is measured through a `GridOperator`. Its auxiliary array `START`, if it has one, is
            the first estimate.
        prior: of the loop.
        denoise: the denoiser of the prior step; patch groups by default.
    """
    denoise = denoise or patch_denoiser()
    estimate = problem.auxiliary.get(START)
    if estimate is None:
        estimate = first_estimate(problem, prior)
    visible, values, dual = problem.visible, estimate, np.zeros_like(estimate)
    for sigma in np.geomspace(prior.noise, prior.noise * prior.decay, prior.rounds):
        values = np.asarray(data_step(visible, values, estimate - dual, prior.weight))
        estimate = denoise(values + dual, sigma)
        dual = dual + values - estimate if prior.feedback else dual
    return values if prior.feedback else estimate


def first_estimate(problem: Problem, prior: PriorSettings) -> Picture:
    """Return the first estimate of the loop. It depends on `prior.start` alone."""
    if prior.start == "tv":
        return tv.tv(problem)
    constant = jnp.full((*problem.domain.shape, problem.domain.channels), 0.5, jnp.float32)
    return np.asarray(tv.minimise(problem, "tikhonov", START_WEIGHT, constant, START_STEPS))


@jax.jit
def data_step(
    problem: Problem, values: Float[Array, "H W C"], target: Float[Array, "H W C"], weight: float | Float[Array, ""]
) -> Float[Array, "H W C"]:
    """Return the minimiser of misfit + weight mean |V - target|², or one Newton step towards it.

    For a linear operator with Gaussian noise the step from `values` is exact up to the iterations.
    """
    size = np.prod(problem.domain.shape)

    def slope(v):
        pull = 2 * weight / v.shape[-1] * (v - target)
        return jax.grad(lambda w: size * problem.operator.distance(w, problem.measurements))(v) + pull

    # The Hessian is symmetric; its product in reverse mode suits operators that define their own transpose.
    steepness, curvature = jax.vjp(slope, values)
    found, _ = jax.scipy.sparse.linalg.cg(lambda v: curvature(v)[0], -steepness, maxiter=ITERATIONS, tol=1e-4)
    return values + found


def patch_denoiser() -> Denoise:
    """Return a denoiser by groups of similar patches, which searches for the groups in every `REGROUP`-th call."""
    rounds = itertools.count()
    groups: Groups

    def denoise(values: Picture, sigma: float) -> Picture:
        nonlocal groups
        noisy = jnp.asarray(values, jnp.float32)
        if next(rounds) % REGROUP == 0:
            groups = search(noisy, sigma)
        pilot = low_rank.denoise(noisy, groups, sigma, GEOMETRY)
        return np.asarray(conditional.denoise(noisy, pilot, groups, sigma, GEOMETRY))

    return denoise


def search(noisy: Float[Array, "H W C"], sigma: float) -> Groups:
    """Return the groups of similar patches of noisy values.

    What is similar is seen better once the noise is removed: the groups are searched for a second time.
    """
    first = patch_groups.find(noisy, GEOMETRY)
    return patch_groups.find(low_rank.denoise(noisy, first, sigma, GEOMETRY), GEOMETRY)
