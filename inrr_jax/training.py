"""One fit: its initial state, its step, and chunks of steps as one compiled call. No input or output.

Code here is for ONE fit; to run many, map `fit_chunk` over its arguments.
"""

import dataclasses
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from inrr_jax import fields, fibers, images, optimizers, regularizers
from inrr_jax.objective import objective
from inrr_jax.settings import Settings
from inrr_jax.types import Info, Knobs, Signal, State


def program(settings: Settings) -> Settings:
    """Return the settings that shape the compiled program: the knobs are blanked, so that reading one here fails.

    Two fits with equal programs share one compilation.
    """
    optimizer = dataclasses.replace(settings.optimizer, matrix_rate=None, field_rate=None, laplacian_rate=None)
    return dataclasses.replace(
        settings,
        seed=0,
        data=None,
        mask=None,
        field=dataclasses.replace(settings.field, omega=None),
        regularizer=dataclasses.replace(settings.regularizer, weight=None),
        optimizer=optimizer,
    )


def init_state(key: Key[Array, ""], knobs: Knobs, grid: tuple[int, ...], channels: int, settings: Settings) -> State:
    """Initialise the parameters and the optimiser for a signal on the given grid."""
    field_key, laplacian_key = jax.random.split(key)
    field = fields.make(settings.field, len(grid), channels)
    regularizer = regularizers.make(settings.regularizer, grid)
    params = {"field": field.init(field_key), **regularizer.init(laplacian_key)}
    optimizer = optimizers.make(settings.optimizer, knobs, settings.train.steps)
    return State(params, optimizer.init(params), jnp.zeros((), jnp.int32))


def step(state: State, signal: Signal, knobs: Knobs, key: Key[Array, ""], settings: Settings) -> tuple[State, Info]:
    """Take one step. The fibres depend on `key` and on the step alone, so a resumed fit draws the same ones."""
    grid, channels = signal.mask.shape, signal.values.shape[-1]
    field = fields.make(settings.field, len(grid), channels)
    regularizer = regularizers.make(settings.regularizer, grid)
    optimizer = optimizers.make(settings.optimizer, knobs, settings.train.steps)
    axes = tuple(jnp.asarray(axis) for axis in images.axes(grid))
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

    The yielded state is donated to the next chunk: copy what should outlive it.
    """
    shape = program(settings)
    done = int(state.step)
    while done < settings.train.steps:
        length = min(settings.train.chunk - done % settings.train.chunk, settings.train.steps - done)
        state, info = fit_chunk(state, signal, knobs, key, settings=shape, length=length)
        done += length
        yield state, info


@partial(jax.jit, static_argnames=("settings", "grid", "channels"))
def recover(
    params, omega: Float[Array, ""], *, settings: Settings, grid: tuple[int, ...], channels: int
) -> Float[Array, "*grid C"]:
    """Evaluate the field on the whole grid: values in (0, 1)."""
    field = fields.make(settings.field, len(grid), channels)
    points = fibers.whole_grid(tuple(jnp.asarray(axis) for axis in images.axes(grid)))
    return field.apply(params, points, omega).reshape(*grid, channels)
