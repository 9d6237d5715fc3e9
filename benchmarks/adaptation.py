"""Weights that adapt during one fit: gradients of the error on held-out entries with respect to hyper-parameters.

A fit of T steps has three parts. It first keeps the weights that it was given. Then it changes them after every few
steps by the derivative of the held-out error with respect to their logarithms. At last it keeps what it has found and
uses the held-out entries too. The truth is not used.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from inrr_jax.operators.masking import Masking
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.programs import StaticKey, static_key
from inrr_jax.types import HyperParameters, Params, Scalar, State, axis_names

COUNT = 512
"""Draws of held-out entries."""

Logs = dict[str, Any]
"""Logarithms of the factors on hyper-parameters: `weight` by term, `axes` by axis, and `omega` if it adapts."""


class Rule(NamedTuple):
    """How the weights adapt."""

    unroll: int = 1
    """K, the steps through which the held-out error is differentiated."""
    every: int = 5
    """Steps from one change of the weights to the next; at least K."""
    rate: float = 0.1
    """Rate of Adam on the logarithms of the weights."""
    start: float = 0.1
    """Share of the steps before the first change."""
    release: float = 0.5
    """Share of the steps after the last change: from then on, held-out entries are fitted too."""
    mean: float = 0.0
    """Decay, per change, of the mean of the parameters at which the derivative is taken; 0: at the last ones."""
    omega: bool = False
    """Whether the field's omega adapts too."""


class Adapted(NamedTuple):
    """A finished fit with adapted weights."""

    state: State
    hyper: HyperParameters
    """As adapted."""
    history: list[Logs]
    """The logarithms after each change."""


def start(hyper: HyperParameters, dimensions: int, omega: bool) -> Logs:
    """Return the logarithms of factors of 1 on the weight of every term, on every axis, and on omega if it adapts."""
    zero = jnp.zeros(())
    logs = {"weight": dict.fromkeys(hyper.weight, zero), "axes": (zero,) * dimensions}
    return logs | ({"omega": zero} if omega and "omega" in hyper.field else {})


def scaled(hyper: HyperParameters, logs: Logs) -> HyperParameters:
    """Return the hyper-parameters times their factors, the exponentials of `logs`."""
    axes = hyper.axes or (1.0,) * len(logs["axes"])
    weight = {name: value * jnp.exp(logs["weight"][name]) for name, value in hyper.weight.items()}
    factors = tuple(factor * jnp.exp(log) for factor, log in zip(axes, logs["axes"], strict=True))
    omega = {"omega": hyper.field["omega"] * jnp.exp(logs["omega"])} if "omega" in logs else {}
    return hyper._replace(weight=weight, axes=factors, field={**hyper.field, **omega})


class HeldOut(NamedTuple):
    """Observed entries that judge the weights."""

    index: Int[Array, "N"]
    """Row-major, on the grid."""
    values: Float[Array, "N C"]
    """Measured there."""


def held_out(problem: Problem, held: Bool[np.ndarray, "*grid"], seed: int = 0) -> tuple[Problem, HeldOut]:
    """Return a masked problem without some of its observed entries, and `COUNT` draws of these with their values.

    The number of draws is fixed, so that one compiled program serves all masks.
    """
    mask, measured = np.asarray(problem.operator.mask), np.asarray(problem.measurements)
    index = np.random.default_rng(seed).choice(np.flatnonzero(held & mask), COUNT)
    values = measured.reshape(-1, problem.domain.channels)[index]
    training = mask & ~held
    hidden = np.where(training[..., None], measured, np.float32(0))
    without = problem._replace(operator=Masking(training), measurements=hidden, truth=None)
    return without, HeldOut(jnp.asarray(index), jnp.asarray(values))


def error(params: Params, held: HeldOut, problem: Problem, hyper: HyperParameters, static: StaticKey) -> Scalar:
    """Return the mean squared error at held-out entries."""
    field = static.build_field(problem.domain)
    values = field.apply(params["field"], problem.domain.points[held.index], hyper.field)
    return jnp.mean((values - held.values) ** 2)


@partial(jax.jit, static_argnames=("static", "unroll"))
def hypergradient(
    logs: Logs,
    state: State,
    problem: Problem,
    held: HeldOut,
    hyper: HyperParameters,
    key: Key[Array, ""],
    *,
    static: StaticKey,
    unroll: int,
) -> tuple[Logs, State]:
    """Take K steps; return the derivative of the held-out error after them by the logarithms, and the state.

    The derivative is exact for these K steps of the optimiser, with its moments: d E(theta_K(s), s) / d s, where the
    weights are lambda exp(s). It ignores that the state before them depends on s too (Luketina et al., ICML 2016, for
    K = 1; Shaban et al., AISTATS 2019).
    """

    def after(logs):
        own = scaled(hyper, logs)
        end, _ = jax.lax.scan(lambda s, _: fit.step(s, problem, own, key, static), state, length=unroll)
        return error(end.params, held, problem, own, static), end

    return jax.grad(after, has_aux=True)(logs)


def uncertain(problem: Problem, settings: Settings, every: int = 10) -> Adapted:
    """Fit with one term whose weights are those of losses with learned variances (Kendall et al., CVPR 2018).

    sum_i L_i exp(-s_i) + s_i is smallest at s_i = log L_i, so the weight of an energy is the misfit divided by it. Both
    are means over the last `every` steps. Nothing is held out.
    """
    state, hyper, key = fit.init(problem, settings)
    static, names = static_key(settings), axis_names(len(problem.domain.shape))
    (term,) = hyper.weight
    logs, history, visible = start(hyper, len(names), omega=False), [], problem.visible
    while int(state.step) < settings.train.steps:
        length = min(every, settings.train.steps - int(state.step))
        state, info = fit.fit_chunk(state, visible, scaled(hyper, logs), key, static=static, length=length)
        fit.check_finite(info, state.params, int(state.step) - length)
        ratios = [info["fidelity"].mean() / info[f"energy_{term}_{name}"].mean() for name in names]
        logs = logs | {"axes": tuple(jnp.log(ratio / hyper.weight[term]) for ratio in ratios)}
        history.append(jax.device_get(logs))
    return Adapted(state, scaled(hyper, logs), history)


def solve(problem: Problem, held: Bool[np.ndarray, "*grid"], settings: Settings, rule: Rule) -> Adapted:
    """Fit a masked signal with weights that adapt, from the first to the last step.

    Args:
        problem: a masked signal; its truth is not used.
        held: entries that are held out until the weights are found.
        settings: of the fit, with the weights at its start.
        rule: how the weights adapt.
    """
    state, hyper, key = fit.init(problem, settings)
    static, steps = static_key(settings), settings.train.steps
    without, judges = held_out(problem, held)
    without, visible = without.visible, problem.visible
    first, last = int(rule.start * steps), int(rule.release * steps)
    logs = start(hyper, len(problem.domain.shape), rule.omega)
    adam = optax.adam(rule.rate)
    moments, history = adam.init(logs), []
    how: dict[str, Any] = {"static": static, "unroll": rule.unroll}

    def advance(state, problem, length):
        own = scaled(hyper, logs)
        if length:
            state, info = fit.fit_chunk(state, problem, own, key, static=static, length=length)
            fit.check_finite(info, state.params, int(state.step) - length)
        return state

    state = advance(state, without, first)
    mean = jax.tree.map(jnp.copy, state.params)
    while int(state.step) + rule.every <= last:
        if rule.mean:
            slopes, _ = hypergradient(logs, state._replace(params=mean), without, judges, hyper, key, **how)
        else:
            slopes, state = hypergradient(logs, state, without, judges, hyper, key, **how)
        updates, moments = adam.update(slopes, moments)
        logs = optax.apply_updates(logs, updates)
        history.append(jax.device_get(logs))
        state = advance(state, without, rule.every - (0 if rule.mean else rule.unroll))
        mean = jax.tree.map(lambda m, p: rule.mean * m + (1 - rule.mean) * p, mean, state.params)
    state = advance(state, visible, steps - int(state.step))
    return Adapted(state, scaled(hyper, logs), history)
