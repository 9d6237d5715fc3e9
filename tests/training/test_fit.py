import dataclasses
import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inrr_jax import fibers, fields, grids, regularizers
from inrr_jax.errors import DivergedError
from inrr_jax.settings import (
    FieldSettings,
    OptimizerSettings,
    RegularizerSettings,
    Settings,
    TrainSettings,
    WeightSettings,
)
from inrr_jax.training import fit as training
from inrr_jax.training import optimizers
from inrr_jax.training.objective import objective
from inrr_jax.types import Signal

TINY = Settings(
    field=FieldSettings(width=16, depth=3, omega=15.0, precision="float32"),
    regularizer=RegularizerSettings(width=8, depth=2, rank=6),
    optimizer=OptimizerSettings(warmup=4),
    train=TrainSettings(steps=24, fibers=4, chunk=8),
)


def signal_of(key, grid=(12, 10), channels=1):
    keys = jax.random.split(key)
    mask = jax.random.uniform(keys[0], grid) > 0.3
    rows = jnp.linspace(0.2, 0.8, grid[0])[:, None, None]
    values = jnp.broadcast_to(rows, (*grid, channels)) + 0.1 * jax.random.uniform(keys[1], (*grid, channels))
    return Signal(jnp.where(mask[..., None], values, 0.0), mask)


def finish(signal, settings, chunks=None):
    return go_on(training.start(signal, settings), signal, settings, chunks)


def go_on(start, signal, settings, chunks=None):
    state, knobs, key = start
    chunks = itertools.islice(training.fit(state, signal, knobs, key, settings), chunks)
    states, infos = zip(*(jax.device_get(chunk) for chunk in chunks), strict=True)
    return states[-1], infos


take_step = jax.jit(training.step, static_argnums=4)


def assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_the_same_seed_is_the_same_fit_and_another_seed_another(key):
    signal = signal_of(key)
    first, _ = finish(signal, TINY)
    assert_same(first, finish(signal, TINY)[0])
    assert not same(first, finish(signal, dataclasses.replace(TINY, seed=1))[0])


@pytest.mark.parametrize("name", ["muon", "adam"])
def test_a_resumed_fit_equals_one_never_stopped_bit_for_bit(key, name):
    settings = dataclasses.replace(TINY, optimizer=dataclasses.replace(TINY.optimizer, name=name))
    signal = signal_of(key)
    whole, _ = finish(signal, settings)
    kept, _ = finish(signal, settings, chunks=1)
    assert not same(kept, whole)
    _, knobs, fibers_key = training.start(signal, settings)
    resumed, _ = go_on((jax.tree.map(jnp.asarray, kept), knobs, fibers_key), signal, settings)
    assert_same(whole, resumed)


def test_every_step_draws_other_fibres_that_depend_on_the_step_alone(key):
    drawn = [fibers.draw(jax.random.fold_in(key, step), (64, 64), 4)[0][1] for step in (0, 1, 0)]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


def test_three_chunks_and_other_knobs_trace_the_step_once(key, monkeypatch):
    signal, traces = signal_of(key, grid=(11, 13)), []
    honest = training.step

    def counted(*args):
        traces.append(1)
        return honest(*args)

    monkeypatch.setattr(training, "step", counted)
    finish(signal, TINY)
    knobs = dataclasses.replace(
        TINY,
        seed=5,
        field=dataclasses.replace(TINY.field, omega=10.0),
        regularizer=dataclasses.replace(TINY.regularizer, weight=WeightSettings(inrr=0.5)),
        optimizer=dataclasses.replace(TINY.optimizer, matrix_rate=0.01, field_rate=0.01, laplacian_rate=0.001),
    )
    finish(signal, knobs)
    assert len(traces) == 1
    finish(signal, dataclasses.replace(TINY, field=dataclasses.replace(TINY.field, width=12)))
    assert len(traces) == 2


def test_every_knob_matters(key):
    signal = signal_of(key)
    reference, _ = finish(signal, TINY, chunks=1)
    state, knobs, fibers_key = training.start(signal, TINY)
    for name in knobs._fields:
        state, _, _ = training.start(signal, TINY)
        turned = knobs._replace(**{name: jax.tree.map(lambda knob: 0.5 * knob, getattr(knobs, name))})
        state, _ = training.fit_chunk(
            state, signal, turned, fibers_key, settings=training.program(TINY), length=TINY.train.chunk
        )
        assert not same(reference.params, jax.device_get(state.params)), name


def test_a_mapped_fit_equals_a_lone_one(key):
    signal = signal_of(key)
    settings = [dataclasses.replace(TINY, seed=seed) for seed in (0, 1, 2)]
    starts = [training.start(signal, s) for s in settings]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
    mapped = jax.vmap(
        lambda state, knobs, k: (
            training.fit_chunk(state, signal, knobs, k, settings=training.program(TINY), length=8)[0].params
        )
    )(*stack)
    for member, one in enumerate(settings):
        lone, _ = finish(signal, one, chunks=1)
        for a, b in zip(jax.tree.leaves(mapped), jax.tree.leaves(lone.params), strict=True):
            np.testing.assert_allclose(a[member], b, atol=2e-4)


def test_a_golden_step(key):
    """One step equals gradient and update written out: Adam's first step is -rate * sign(gradient)."""
    settings = dataclasses.replace(
        TINY, optimizer=dataclasses.replace(TINY.optimizer, name="adam", schedule="constant", first_scale=1.0)
    )
    signal = signal_of(key)
    state, knobs, fibers_key = training.start(signal, settings)
    axes = tuple(jnp.asarray(axis) for axis in grids.axes(signal.mask.shape))
    pieces = {
        "field": fields.make(settings.field, 2, 1),
        "regularizer": regularizers.make(settings.regularizer, signal.mask.shape),
        "count": settings.train.fibers,
    }
    gradient = jax.jit(jax.grad(partial(objective, **pieces), has_aux=True))
    gradients, _ = gradient(state.params, signal, axes, knobs, jax.random.fold_in(fibers_key, 0))
    before = jax.device_get(state.params)
    after, info = take_step(state, signal, knobs, fibers_key, settings)
    for group, rate in (("field", 5e-3), ("inrr", 2e-2)):
        triples = zip(*(jax.tree.leaves(t[group]) for t in (before, after.params, gradients)), strict=True)
        for old, new, gradient in triples:
            moved = np.abs(gradient) > 1e-5  # Adam's epsilon shows below
            np.testing.assert_allclose((new - old)[moved], -rate * np.sign(gradient)[moved], rtol=1e-2)
    assert int(after.step) == 1
    assert set(info) == {"loss", "fidelity", "energy_inrr_row", "energy_inrr_col"}


def test_the_loss_is_the_sum_of_its_terms_and_falls(key):
    settings = dataclasses.replace(TINY, train=dataclasses.replace(TINY.train, steps=200, chunk=50, fibers=0))
    _, infos = finish(signal_of(key), settings)
    loss, fidelity, row, col = (
        np.concatenate([info[name] for info in infos])
        for name in ("loss", "fidelity", "energy_inrr_row", "energy_inrr_col")
    )
    np.testing.assert_allclose(loss, fidelity + settings.regularizer.weight.inrr * (row + col), rtol=1e-5)
    assert loss[-20:].mean() < 0.3 * loss[:5].mean()


def test_terms_of_a_sum_have_weights_and_parameters_of_their_own(key):
    settings = dataclasses.replace(
        PLAIN,
        regularizer=dataclasses.replace(
            PLAIN.regularizer, name="air+inrr+grid", weight=WeightSettings(air=0.5, inrr=0.25, grid=2.0)
        ),
    )
    signal = signal_of(key)
    state, knobs, _ = training.start(signal, settings)
    assert {name: float(weight) for name, weight in knobs.weight.items()} == {"air": 0.5, "inrr": 0.25, "grid": 2.0}
    assert set(state.params) == {"field", "air", "inrr"}
    assert_same(state.params["inrr"], training.start(signal, PLAIN)[0].params["inrr"])
    assert set(training.laplacians(state.params, (12, 10), settings)) == {"air", "inrr", "grid"}
    before = jax.device_get(state.params)
    after, (info, *_) = finish(signal, settings, chunks=1)
    energies = sum(
        weight * (info[f"energy_{name}_row"] + info[f"energy_{name}_col"]) for name, weight in knobs.weight.items()
    )
    np.testing.assert_allclose(info["loss"], info["fidelity"] + energies, rtol=1e-5)
    for group in before:
        assert not same(before[group], after.params[group]), group


def test_without_regularizer_only_the_field_is_learned(key):
    settings = dataclasses.replace(TINY, regularizer=RegularizerSettings(name="none"))
    state, infos = finish(signal_of(key), settings, chunks=1)
    assert set(state.params) == {"field"}
    assert set(infos[0]) == {"loss", "fidelity"}
    assert training.laplacians(state.params, (12, 10), settings) == {}


def test_the_missing_truth_is_not_in_the_signal(key):
    from inrr_jax.data.problem import Problem

    image, mask = np.full((4, 4, 1), 0.5, np.float32), np.eye(4, dtype=bool)
    junk = np.where(mask[..., None], image, np.nan).astype(np.float32)
    assert_same(Problem(image, mask).signal, Problem(junk, mask).signal)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"field_rate": 1e30}, r"step [2-9]: no number in fidelity"),
        ({"laplacian_rate": 1e30}, r"step \d+: no number in .*energy_inrr_row"),
    ],
)
def test_divergence_names_the_step_and_the_term(key, change, message):
    rates = dataclasses.replace(TINY.optimizer, name="adam", schedule="constant", **change)
    with pytest.raises(DivergedError, match=message):
        finish(signal_of(key), dataclasses.replace(TINY, optimizer=rates))


def test_a_parameter_that_is_no_number_is_named_even_if_no_loss_has_seen_it():
    with pytest.raises(DivergedError, match="step 3: no number in a parameter"):
        training.check_finite({"loss": jnp.ones(3)}, {"field": jnp.array([1.0, jnp.nan])}, 0)
    training.check_finite({"loss": jnp.ones(3)}, {"field": jnp.array([1.0])}, 0)


def test_muon_takes_the_square_matrices_of_the_field_alone(key):
    params = training.start(signal_of(key), TINY)[0].params
    labels = optimizers.labels(params, matrices=True)
    assert labels["field"]["hidden1"] == {"kernel": "matrix", "bias": "field"}
    assert set(jax.tree.leaves(labels["field"]["first"])) == {"first"}
    assert set(jax.tree.leaves(labels["field"]["last"])) == {"field"}
    assert set(jax.tree.leaves(labels["inrr"])) == {"laplacian"}
    assert "matrix" not in jax.tree.leaves(optimizers.labels(params, matrices=False))


def test_muon_s_step_is_nearly_orthogonal(key):
    signal = signal_of(key)
    settings = dataclasses.replace(
        TINY, optimizer=dataclasses.replace(TINY.optimizer, schedule="constant", matrix_rate=1.0)
    )
    state, knobs, fibers_key = training.start(signal, settings)
    before = np.asarray(state.params["field"]["hidden1"]["kernel"])
    after, _ = take_step(state, signal, knobs, fibers_key, settings)
    singular = np.linalg.svd(np.asarray(after.params["field"]["hidden1"]["kernel"]) - before, compute_uv=False)
    assert singular.max() < 1.3
    assert np.median(singular) > 0.6


def test_the_cosine_schedule_warms_up_and_ends_at_zero():
    schedule = optimizers.schedule(OptimizerSettings(warmup=50), 900)
    assert float(schedule(0)) == 0
    assert float(schedule(25)) == pytest.approx(0.5)
    assert float(schedule(50)) == pytest.approx(1)
    assert float(schedule(900)) == pytest.approx(0, abs=1e-6)
    short = optimizers.schedule(OptimizerSettings(warmup=50), 5)
    assert 0 < float(short(3)) <= 1
    assert float(optimizers.schedule(OptimizerSettings(schedule="constant"), 9)(7)) == 1


PLAIN = dataclasses.replace(
    TINY, field=dataclasses.replace(TINY.field, depth=1), optimizer=OptimizerSettings(name="adam", warmup=4)
)
"""Compiles fast."""


def laplacian_params(signal, settings, chunks):
    return {name: p for name, p in finish(signal, settings, chunks)[0].params.items() if name != "field"}


def test_a_frozen_laplacian_is_the_one_that_it_was_frozen_from(key):
    learning, frozen = (
        dataclasses.replace(PLAIN, optimizer=dataclasses.replace(PLAIN.optimizer, freeze_at=step)) for step in (0, 8)
    )
    signal = signal_of(key)
    then = laplacian_params(signal, learning, chunks=1)
    assert_same(then, laplacian_params(signal, frozen, chunks=1))
    assert_same(then, laplacian_params(signal, frozen, chunks=3))
    assert not same(then, laplacian_params(signal, learning, chunks=3))


def test_at_a_rate_of_0_the_laplacian_stays_and_the_field_learns(key):
    still = dataclasses.replace(PLAIN, optimizer=dataclasses.replace(PLAIN.optimizer, laplacian_rate=0.0))
    signal = signal_of(key)
    before = jax.device_get(training.start(signal, still)[0].params)
    after = finish(signal, still)[0].params
    assert_same(before["inrr"], after["inrr"])
    assert not same(before["field"], after["field"])


@pytest.mark.parametrize(
    ("field", "regularizer"), [("relu", "grid"), ("fourier", "air"), ("dmf", "air"), ("dmf", "inrr")]
)
def test_every_field_learns_with_every_regularizer(key, field, regularizer):
    settings = dataclasses.replace(
        PLAIN,
        field=dataclasses.replace(PLAIN.field, name=field),
        regularizer=dataclasses.replace(PLAIN.regularizer, name=regularizer),
        train=dataclasses.replace(PLAIN.train, steps=100, chunk=50),
    )
    _, infos = finish(signal_of(key), settings)
    assert infos[-1]["fidelity"][-10:].mean() < 0.5 * infos[0]["fidelity"][0]
    assert all((info[f"energy_{regularizer}_row"] > 0).all() for info in infos)


def test_recover_evaluates_the_whole_grid(key):
    signal = signal_of(key, channels=3)
    state, knobs, _ = training.start(signal, TINY)
    values = training.recover(state.params["field"], knobs.omega, signal.values.shape, TINY)
    axes = grids.axes((12, 10))
    point = jnp.array([[axes[0][3], axes[1][7]]])
    np.testing.assert_allclose(
        values[3, 7], fields.make(TINY.field, 2, 3).apply(state.params["field"], point, knobs.omega)[0], atol=1e-5
    )
    assert values.shape == (12, 10, 3)


def test_recover_in_tiles_is_recover_at_once_and_needs_the_memory_of_one_tile(key):
    signal = signal_of(key)
    state, knobs, _ = training.start(signal, TINY)
    cut, whole = (
        training.recover(state.params["field"], knobs.omega, (12, 10, 1), dataclasses.replace(TINY, field=field))
        for field in (dataclasses.replace(TINY.field, tile=tile) for tile in (7, 0))
    )
    np.testing.assert_allclose(cut, whole, atol=1e-6)
    large = training._recover.lower(
        state.params["field"], knobs.omega, shape=(1024, 1024, 1), settings=training.program(TINY)
    )
    assert large.compile().memory_analysis().temp_size_in_bytes < 16 * 2**20  # the coordinates alone are 8 MiB


def test_the_memory_of_a_step_does_not_grow_with_the_pixels(key):
    taken = []
    for side in (64, 512):
        signal = signal_of(key, (side, 32))
        state, knobs, fibers_key = training.start(signal, TINY)
        program = training.fit_chunk.lower(
            state, signal, knobs, fibers_key, settings=training.program(TINY), length=2
        ).compile()
        taken.append(program.memory_analysis().temp_size_in_bytes)
    # The points of 4 fibres along each axis: 4 (64 + 32) and 4 (512 + 32).
    assert taken[1] < 6 * taken[0]


def test_muon_s_iterations_are_optax_s(key):
    matrix = jax.random.normal(key, (24, 24))
    expected = optax.contrib.muon(-1.0, beta=0.0, nesterov=False)
    expected, _ = expected.update({"w": matrix}, expected.init({"w": matrix}), {"w": matrix})
    np.testing.assert_allclose(optimizers.orthogonal(matrix, "float32"), expected["w"], atol=1e-4)
    rounded = optimizers.orthogonal(matrix, "bfloat16")
    assert jnp.linalg.norm(rounded - expected["w"]) < 0.05 * jnp.linalg.norm(rounded)


def test_optax_keeps_a_state_per_group(key):
    state = training.start(signal_of(key), TINY)[0]
    assert set(state.optimizer.inner_states) == {"matrix", "field", "first", "laplacian"}
    assert isinstance(
        optimizers.make(TINY.optimizer, training.knobs_of(TINY, (12, 10)), 10, "float32"), optax.GradientTransformation
    )


def test_omega_follows_the_size_unless_it_is_given():
    def omega(value, grid):
        return training.knobs_of(Settings(field=FieldSettings(omega=value)), grid).omega

    assert [omega(0.0, grid) for grid in ((256, 256), (128, 512))] == [15.0, 30.0]
    assert omega(30.0, (128, 512)) == 30.0
