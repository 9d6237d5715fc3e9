"""One fit: its initial state, its step, and chunks of steps as one compiled call. No input or output.

Code here is written for ONE fit. To run many, map `fit_chunk` over its arguments, as training/sweep.py does.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key, UInt32

from inrr_jax import grids
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.operators.masking import Masking
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers import Laplacians
from inrr_jax.settings import OptimizerSettings, Settings
from inrr_jax.training import optimizers
from inrr_jax.training.memory import check_memory
from inrr_jax.training.objective import objective
from inrr_jax.training.programs import StaticKey, auxiliary_names, collect_hyper_parameters, static_key
from inrr_jax.types import HyperParameters, Info, Params, Scalar, State

START_STEPS, START_RATE = 500, 5e-3
"""Steps of the fit to a start model, and the rate of Adam in it: a fit from there may need a much smaller one."""
Seed = int | UInt32[Array, ""]


def init(problem: Problem, settings: Settings) -> tuple[State, HyperParameters, Key[Array, ""]]:
    """Return the initial state of a fit, its hyper-parameters, and the key that determines its random fibers.

    Raises:
        UserError: the settings need an auxiliary array that the problem does not have, the grid is too small, or the
            memory does not suffice.
    """
    check_size(problem.domain, settings)
    check_memory(problem.domain, settings)
    missing = [name for name in auxiliary_names(settings) if name not in problem.auxiliary]
    if missing[:1] == ["start"]:
        raise UserError(
            "regularizer.reference=start, and the problem has no start model: give data.start if the data have one,"
            " problem.with_auxiliary(start=...), or regularizer.reference=zero"
        )
    if missing:
        raise UserError(
            f"the fit needs the auxiliary array {missing[0]}, which the problem lacks: give it with"
            " problem.with_auxiliary, or use recipes.pipeline.solve, which computes it"
        )
    # As arrays, because Python numbers would become constants of the compiled program.
    hyper = jax.tree.map(jnp.float32, collect_hyper_parameters(settings, problem.domain))
    state, key = init_state(settings.seed, problem, hyper, static_key(settings))
    if "start" in problem.auxiliary:
        field = started(problem, settings)
        params = {**state.params, "field": field}
        state = State(params, _optimizer(hyper, static_key(settings)).init(params), state.step)
    return state, hyper, key


def started(problem: Problem, settings: Settings) -> Params:
    """Return the field's parameters after a fit to the problem's auxiliary array `start` [*grid, C].

    Every kind of field can thus begin at a known model, and its energies still act on the signal itself.
    """
    known = Problem(problem.domain, Masking(np.ones(problem.domain.shape, bool)), problem.auxiliary["start"])
    plain = replace(
        settings,
        regularizer=replace(settings.regularizer, name="none"),
        optimizer=OptimizerSettings(name="adam", field_rate=START_RATE),
        train=replace(settings.train, steps=START_STEPS, chunk=START_STEPS, measurements=0),
    )
    return run(known, plain)[0].params["field"]


def check_size(domain: Domain, settings: Settings) -> None:
    """Refuse a grid that has fewer rows or columns than a step draws.

    Raises:
        UserError: it has.
    """
    if min(domain.shape) < max(2, settings.train.fibers):
        size = " x ".join(map(str, domain.shape))
        raise UserError(
            f"the grid is {size}, too small for train.fibers={settings.train.fibers}: give a larger one, or fewer"
            " fibers (0 takes the whole grid every step), and at least 2 x 2"
        )


def init_state(seed: Seed, problem: Problem, hyper: HyperParameters, static: StaticKey) -> tuple[State, Key[Array, ""]]:
    """Return the initial parameters and optimiser state, and the key of the fibers. All but `static` may be traced."""
    init_key, fibers_key = jax.random.split(jax.random.key(seed))
    field_key, laplacian_key = jax.random.split(init_key)
    field = static.build_field(problem.domain).init(field_key, problem.auxiliary)
    params = {"field": field, **static.build_regularizer(problem.domain).init(laplacian_key)}
    return State(params, _optimizer(hyper, static).init(params), jnp.zeros((), jnp.int32)), fibers_key


def _optimizer(hyper: HyperParameters, static: StaticKey) -> optax.GradientTransformation:
    return optimizers.make(static.optimizer, hyper, static.steps, static.precision)


def step(
    state: State, problem: Problem, hyper: HyperParameters, key: Key[Array, ""], static: StaticKey
) -> tuple[State, Info]:
    """Take one optimiser step.

    The random fibers depend only on `key` and the number of the step, so that a resumed fit draws the same ones.
    """
    gradients, info = jax.grad(objective, has_aux=True)(
        state.params,
        problem,
        hyper,
        jax.random.fold_in(key, state.step),
        field=static.build_field(problem.domain),
        regularizer=static.build_regularizer(problem.domain),
        fiber_count=static.fibers,
        measurement_count=static.measurements,
    )
    # The optimiser is built anew in every trace: it holds no state of its own, only functions of the hyper-parameters.
    updates, optimizer_state = _optimizer(hyper, static).update(gradients, state.optimizer, state.params)
    params = optax.apply_updates(state.params, updates)
    return State(params, optimizer_state, state.step + 1), info


@partial(jax.jit, static_argnames=("static", "length"), donate_argnames="state")
def fit_chunk(
    state: State, problem: Problem, hyper: HyperParameters, key: Key[Array, ""], *, static: StaticKey, length: int
) -> tuple[State, Info]:
    """Take `length` steps in one compiled call; the info has a leading axis of steps. The state is donated."""

    def body(state, _):
        return step(state, problem, hyper, key, static)

    return jax.lax.scan(body, state, length=length)


def fit(
    state: State, problem: Problem, hyper: HyperParameters, key: Key[Array, ""], settings: Settings
) -> Iterator[tuple[State, Info]]:
    """Yield the state and info after every chunk of steps, from the state's step to the last one.

    Chunks end at the same steps whether or not a fit was interrupted, so that a resumed fit runs the same programs. The
    yielded state is donated to the next chunk: copy what should outlive it.

    Raises:
        DivergedError: a loss term or a parameter is no number; that state is not yielded.
    """
    # Compiled code is given the visible part only, so that no fit can depend on the truth.
    static, chunk, steps = static_key(settings), settings.train.chunk, settings.train.steps
    done = int(state.step)
    while done < steps:
        length, visible = min(chunk - done % chunk, steps - done), problem.at(done / steps).visible
        state, info = fit_chunk(state, visible, hyper, key, static=static, length=length)
        check_finite(info, state.params, done)
        done += length
        yield state, info


def solve(problem: Problem, settings: Settings) -> Float[np.ndarray, "*grid C"]:
    """Fit from the first to the last step and return the field's values on the whole grid.

    Raises:
        UserError: as `init`.
        DivergedError: as `fit`.
    """
    state, hyper = run(problem, settings)
    return np.asarray(recover(state.params, hyper, problem.domain, settings))


def run(problem: Problem, settings: Settings) -> tuple[State, HyperParameters]:
    """Fit from the first to the last step and return the final state and the hyper-parameters.

    Raises:
        UserError: as `init`.
        DivergedError: as `fit`.
    """
    state, hyper, key = init(problem, settings)
    for fitted, _ in fit(state, problem, hyper, key, settings):
        state = fitted
    return state, hyper


def check_finite(info: Info, params: Params, done: int) -> None:
    """Refuse a chunk of steps that has diverged. NaN and infinity are never repaired.

    Args:
        info: loss terms with a leading axis of steps.
        params: parameters after the chunk.
        done: steps taken before the chunk.

    Raises:
        DivergedError: names the first step with a term that is no number, or the last one if only a parameter is none.
    """
    # The fidelity comes first: if it is no number, the field is the cause and not an energy.
    terms = {name: np.isfinite(info[name]) for name in sorted(info, key=lambda name: name != "fidelity")}
    bad = ~np.all(list(terms.values()), axis=0)
    if bad.any():
        first = int(bad.argmax())
        # The loss is named only if all of its parts are numbers.
        names = [name for name in terms if not terms[name][first] and name != "loss"] or ["loss"]
        raise _diverged(done + first + 1, ", ".join(names))
    # On the host: as operations of JAX, every shape of a parameter would be compiled for this alone.
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
        raise _diverged(done + len(bad), "a parameter")


def _diverged(step: int, where: str) -> DivergedError:
    return DivergedError(f"step {step}: no number in {where}: lower the rates or the weights")


def recover(
    params: Params, hyper: HyperParameters, domain: Domain, settings: Settings | StaticKey
) -> Float[Array, "*grid C"]:
    """Evaluate the field on the whole grid, tile by tile, with the memory of one tile in addition to the result.

    Args:
        params: all parameter groups; only `field` is used.
        hyper: hyper-parameters of the fit.
        domain: domain of the signal.
        settings: settings of the fit, or their static key.

    Returns:
        Values of the shape [*grid, C].
    """
    static = settings if isinstance(settings, StaticKey) else static_key(settings)
    return _recover(params["field"], hyper.field, domain=domain, static=static)


@partial(jax.jit, static_argnames=("domain", "static"))
def _recover(params: Params, hyper: dict[str, Scalar], *, domain: Domain, static: StaticKey):
    count = math.prod(domain.shape)
    tile = min(static.field.tile or count, count)
    field = static.build_field(domain)
    if field.on_grid:
        return field.on_grid(params, hyper)
    axes = domain.axes

    def evaluate(first):
        # The last tile may reach beyond the grid; it repeats the last entry there, which is cut off below.
        entries = jnp.minimum(first + jnp.arange(tile), count - 1)
        return field.apply(params, grids.positions(axes, jnp.unravel_index(entries, domain.shape)), hyper)

    values = jax.lax.map(evaluate, jnp.arange(0, count, tile))
    return values.reshape(-1, domain.channels)[:count].reshape(*domain.shape, domain.channels)


def laplacians(params: Params, domain: Domain, settings: Settings) -> Laplacians:
    """Return the Laplacians by the names of their term and axis; empty if no term has any."""
    return _laplacians(params, domain=domain, static=static_key(settings))


@partial(jax.jit, static_argnames=("domain", "static"))
def _laplacians(params: Params, *, domain: Domain, static: StaticKey) -> Laplacians:
    return static.build_regularizer(domain).laplacians(params)
