"""One fit: its initial state, its step, and chunks of steps as one compiled call. No input or output.

Code here is for ONE fit; to run many, map `fit_chunk` over its arguments.
"""

import dataclasses
import math
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Key, UInt32

from inrr_jax import fields, grids, numerics, regularizers
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.priors import low_rank, residual
from inrr_jax.recipes import stacking
from inrr_jax.regularizers import Laplacians
from inrr_jax.settings import DataSettings, MaskSettings, Settings, TrainSettings, WeightSettings
from inrr_jax.training import optimizers
from inrr_jax.training.objective import objective
from inrr_jax.types import Info, Knobs, Params, Scalar, Signal, State
from inrr_jax.types import knobs as knobs_of

Seed = int | UInt32[Array, ""]


def program(settings: Settings) -> Settings:
    """Return the settings that shape the compiled program: equal ones share a compilation.

    The knobs are blanked by NaN (one object, and so equal to itself in a comparison of settings): to read one here
    instead of in `Knobs` shows at once.
    """
    blank = math.nan
    weights = WeightSettings(**{weight.name: blank for weight in dataclasses.fields(WeightSettings)})
    return dataclasses.replace(
        settings,
        seed=0,
        data=DataSettings(),
        mask=MaskSettings(),
        field=dataclasses.replace(settings.field, omega=blank),
        regularizer=dataclasses.replace(settings.regularizer, weight=weights),
        train=TrainSettings(steps=settings.train.steps, fibers=settings.train.fibers),
        kriging="none",
        optimizer=dataclasses.replace(settings.optimizer, matrix_rate=blank, field_rate=blank, laplacian_rate=blank),
    )


def start(signal: Signal, settings: Settings) -> tuple[State, Knobs, Key[Array, ""]]:
    """Return what `fit` starts from: the state and knobs of these settings, and the key of the fibres."""
    knobs = jax.tree.map(jnp.float32, knobs_of(settings, signal.mask.shape))
    state, fibers_key = begin(settings.seed, signal, knobs, settings)
    return state, knobs, fibers_key


def begin(seed: Seed, signal: Signal, knobs: Knobs, settings: Settings) -> tuple[State, Key[Array, ""]]:
    """Return the state that a fit starts from and the key of its fibres; all but the settings may be traced.

    Raises:
        UserError: the field needs the context of a first fit, or a term an extension, and the signal has none.
    """
    init_key, fibers_key = jax.random.split(jax.random.key(seed))
    grid, channels = signal.mask.shape, signal.values.shape[-1]
    if needs_extension(settings) and signal.extension is None:
        raise UserError(
            "regularizer.name=extension needs one: give it as the problem's, or use scripts.train or"
            " training.solve, which see to it"
        )
    state = init_state(init_key, knobs, grid, channels, settings)
    if first_fit(settings):
        if signal.context is None:
            raise UserError(
                f"field.name={settings.field.name} needs the recovery of a first fit: give it as the problem's context,"
                " or use scripts.train or training.solve, which see to it"
            )
        # A copy, because the state is donated.
        state.params["field"]["context"] = jnp.array(signal.context)
    return state, fibers_key


def first_fit(settings: Settings) -> Settings | None:
    """Return the settings of the fit whose recovery the field is given as its context; None where it needs none."""
    if settings.field.name != "inrz":
        return None
    # By replace, which takes the blanked knobs of a program too.
    field, regularizer = settings.field, settings.regularizer
    return dataclasses.replace(
        settings,
        field=dataclasses.replace(field, name="siren"),
        regularizer=dataclasses.replace(regularizer, name="none"),
        kriging="none",
    )


def needs_extension(settings: Settings) -> bool:
    """Tell whether a fit is tied to a continuation of the observed values (stacking.py)."""
    return "extension" in settings.regularizer.terms


def extension(
    values: Float[Array | np.ndarray, "*grid C"], mask: Bool[Array | np.ndarray, "*grid"]
) -> Float[np.ndarray, "*grid C"]:
    """Continue the observed values where nothing is observed.

    Raises:
        UserError: a signal that is no picture.
    """
    if mask.ndim != 2:
        raise UserError(f"regularizer.name=extension is for pictures: the signal has {mask.ndim} axes, not 2")
    return stacking.grouped(np.asarray(values), np.asarray(mask))


def solve(signal: Signal, settings: Settings) -> Float[np.ndarray, "*grid C"]:
    """Fit from start to end, after whatever it needs to be given first, recover and krige.

    Raises:
        DivergedError: as `fit`.
    """
    if first := first_fit(settings):
        signal = signal._replace(context=jnp.asarray(solve(signal, first)))
    if needs_extension(settings) and signal.extension is None:
        signal = signal._replace(extension=jnp.asarray(extension(signal.values, signal.mask)))
    state, knobs, key = start(signal, settings)
    for fitted, _ in fit(state, signal, knobs, key, settings):
        state = fitted
    recovered = recover(state.params["field"], knobs.omega, signal.values.shape, settings)
    return finish(recovered, signal.values, signal.mask, settings)


def finish(
    recovered: Float[Array | np.ndarray, "*grid C"],
    image: Float[Array | np.ndarray, "*grid C"],
    mask: Bool[Array | np.ndarray, "*grid"],
    settings: Settings,
) -> Float[np.ndarray, "*grid C"]:
    """Do what comes after a fit: krige, and with `stacked` go on as the extension does and weigh all there is by then.

    The result is then a K + b Z + c S: K what groups of patches share of the kriged network (groups.py), Z what they
    share of the stack of fills S, which is the extension, and S itself; a, b and c as `trust` returns them.

    Args:
        recovered: the raw output of the field.
        image: in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.
        settings: of the fit.
    """
    kriged = residual.krige_by_name(recovered, image, mask, settings.kriging)
    if settings.kriging != "stacked" or not np.isfinite(kriged).all():
        return kriged
    image, mask = np.asarray(image), np.asarray(mask)
    candidates = low_rank.denoise(image, mask, kriged), stacking.grouped(image, mask), stacking.stacked(image, mask)
    weighed = np.tensordot(trust(image, mask, settings), np.stack(candidates), 1)
    return np.where(mask[..., None], image, weighed).astype(np.float32)


def trust(
    image: Float[np.ndarray, "H W C"], mask: Bool[np.ndarray, "H W"], settings: Settings
) -> Float[np.ndarray, "3"]:
    """Return the shares of the kriged network, of the extension and of the stack of fills, by held-out pixels.

    It takes a fit without these pixels, with seed 0; the last results are kept, as fits with other seeds share them.
    All three have the proportion of fills that these pixels chose.
    """
    return _trust(image, mask, dataclasses.replace(settings, seed=0, data=DataSettings(), mask=MaskSettings()))


@stacking.kept
def _trust(
    image: Float[np.ndarray, "H W C"], mask: Bool[np.ndarray, "H W"], settings: Settings
) -> Float[np.ndarray, "3"]:
    if mask.sum() < 2:
        return np.full(3, 1 / 3, np.float32)
    test = stacking.blind(image, mask)
    blind, proportion = test.problem, stacking.proportion(image, mask)
    stack = stacking.stack(blind.image, blind.mask, proportion)
    extended = low_rank.denoise(blind.image, blind.mask, stack)
    signal = blind.signal
    if needs_extension(settings):
        signal = signal._replace(extension=jnp.asarray(extended))
    try:
        raw = solve(signal, dataclasses.replace(settings, kriging="none"))
    except DivergedError:
        return np.array([0, *stacking.shares(np.stack([extended, stack]), image, test.held)], np.float32)
    kriged = residual.krige_stacked(raw, blind.image, blind.mask, proportion)
    candidates = np.stack([low_rank.denoise(blind.image, blind.mask, kriged), extended, stack])
    return stacking.shares(candidates, image, test.held).astype(np.float32)


def init_state(key: Key[Array, ""], knobs: Knobs, grid: tuple[int, ...], channels: int, settings: Settings) -> State:
    """Initialise the parameters and the optimiser for a signal on the given grid."""
    field_key, laplacian_key = jax.random.split(key)
    field = fields.on_grid(settings.field, tuple(grid), channels)
    regularizer = regularizers.make(settings.regularizer, grid)
    params = {"field": field.init(field_key), **regularizer.init(laplacian_key)}
    optimizer = _optimizer(settings, knobs)
    return State(params, optimizer.init(params), jnp.zeros((), jnp.int32))


def _optimizer(settings: Settings, knobs: Knobs) -> optax.GradientTransformation:
    precision = numerics.resolve_precision(settings.field.precision)
    return optimizers.make(settings.optimizer, knobs, settings.train.steps, precision)


def step(state: State, signal: Signal, knobs: Knobs, key: Key[Array, ""], settings: Settings) -> tuple[State, Info]:
    """Take one step. The fibres depend on `key` and on the step alone, so a resumed fit draws the same ones."""
    grid, channels = signal.mask.shape, signal.values.shape[-1]
    field = fields.on_grid(settings.field, tuple(grid), channels)
    regularizer = regularizers.make(settings.regularizer, grid)
    optimizer = _optimizer(settings, knobs)
    axes = tuple(jnp.asarray(axis) for axis in grids.axes(grid))
    gradient = jax.grad(objective, has_aux=True)
    gradients, info = gradient(
        state.params,
        signal,
        axes,
        knobs,
        jax.random.fold_in(key, state.step),
        field=field,
        regularizer=regularizer,
        count=settings.train.fibers,
    )
    updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.params)
    params = optax.apply_updates(state.params, updates)
    return State(params, optimizer_state, state.step + 1), info


@partial(jax.jit, static_argnames=("settings", "length"), donate_argnames="state")
def fit_chunk(
    state: State, signal: Signal, knobs: Knobs, key: Key[Array, ""], *, settings: Settings, length: int
) -> tuple[State, Info]:
    """Take `length` steps in one compiled call; the info has a leading axis of steps. The state is donated."""

    def body(state, _):
        return step(state, signal, knobs, key, settings)

    return jax.lax.scan(body, state, length=length)


def fit(
    state: State, signal: Signal, knobs: Knobs, key: Key[Array, ""], settings: Settings
) -> Iterator[tuple[State, Info]]:
    """Yield the state and info after every chunk, from the state's step to the last one.

    Chunks end at the same steps whether or not a fit was interrupted, so a resumed fit runs the same programs. The
    yielded state is donated to the next chunk: copy what should outlive it.

    Raises:
        DivergedError: a loss term or a parameter is no number; the state is not yielded then.
    """
    shape, chunk = program(settings), settings.train.chunk
    done = int(state.step)
    while done < settings.train.steps:
        length = min(chunk - done % chunk, settings.train.steps - done)
        state, info = fit_chunk(state, signal, knobs, key, settings=shape, length=length)
        check_finite(info, state.params, done)
        done += length
        yield state, info


def check_finite(info: Info, params: Params, done: int) -> None:
    """Refuse a chunk that has diverged; a number that is none is never repaired.

    Args:
        info: loss terms with a leading axis of steps.
        params: as they are after the chunk.
        done: steps taken before it.

    Raises:
        DivergedError: at the first step with a term that is no number, or none but a parameter.
    """
    # The fidelity comes first: where it is no number, the field is to blame and not an energy.
    terms = {name: np.isfinite(info[name]) for name in sorted(info, key=lambda name: name != "fidelity")}
    bad = ~np.all(list(terms.values()), axis=0)
    if bad.any():
        first = int(bad.argmax())
        # The loss is named only if all of its parts are numbers.
        names = [name for name in terms if not terms[name][first] and name != "loss"] or ["loss"]
        raise _diverged(done + first + 1, ", ".join(names))
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params)):
        raise _diverged(done + len(bad), "a parameter")


def _diverged(step: int, where: str) -> DivergedError:
    return DivergedError(f"step {step}: no number in {where}: lower the rates or the weights")


def recover(params: Params, omega: Scalar, shape: tuple[int, ...], settings: Settings) -> Float[Array, "*grid C"]:
    """Evaluate the field on the whole grid, tile by tile: beside the result, the memory of one tile.

    Args:
        params: those of the field alone.
        omega: its knob.
        shape: of the signal: its grid and the number of channels.
        settings: of the fit.

    Returns:
        Values of the given shape, in (0, 1) if they come from a network.
    """
    return _recover(params, omega, shape=shape, settings=program(settings))


@partial(jax.jit, static_argnames=("shape", "settings"))
def _recover(params, omega, *, shape, settings):
    *grid, channels = shape
    count = math.prod(grid)
    tile = min(settings.field.tile or count, count)
    field = fields.on_grid(settings.field, tuple(grid), channels)
    axes = tuple(jnp.asarray(axis) for axis in grids.axes(tuple(grid)))

    def evaluate(first):
        # The last tile reaches beyond the grid; what it finds there, the last entry again, is cut off.
        entries = jnp.minimum(first + jnp.arange(tile), count - 1)
        return field.apply(params, grids.positions(axes, jnp.unravel_index(entries, grid)), omega)

    values = jax.lax.map(evaluate, jnp.arange(0, count, tile))
    return values.reshape(-1, channels)[:count].reshape(shape)


def laplacians(params: Params, grid: tuple[int, ...], settings: Settings) -> Laplacians:
    """Return the Laplacians by the names of their term and axis; none where no term has any."""
    return regularizers.make(settings.regularizer, grid).laplacians(params)
