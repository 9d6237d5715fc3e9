"""One fit: reproducible, resumable bit for bit, traced once, and with a step that equals its equations."""

import dataclasses
import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, grids, regularizers
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings, air, grid, inrr
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.training.programs import static_key

TINY = Settings(
    field=siren.Config(width=16, depth=2, omega=15.0, precision="float32"),
    regularizer=RegularizerSettings(inrr=inrr.Config(width=8, depth=2, rank=6)),
    optimizer=OptimizerSettings(warmup=4),
    train=TrainSettings(steps=24, fibers=4, chunk=8),
)


def problem_of(grid=(12, 10), channels=1):
    rng = np.random.default_rng(0)
    rows = np.linspace(0.2, 0.8, grid[0])[:, None, None]
    values = (rows + 0.1 * rng.random((*grid, channels))).astype(np.float32)
    return masked(values, rng.random(grid) > 0.3)


def finish(problem, settings, chunks=None):
    return resume(fit.init(problem, settings), problem, settings, chunks)


def resume(start, problem, settings, chunks=None):
    state, hyper, key = start
    chunks = itertools.islice(fit.fit(state, problem, hyper, key, settings), chunks)
    states, infos = zip(*(jax.device_get(chunk) for chunk in chunks), strict=True)
    return states[-1], infos


take_step = jax.jit(fit.step, static_argnums=4)


def assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_the_same_seed_is_the_same_fit_and_another_seed_another():
    problem = problem_of()
    first, _ = finish(problem, TINY)
    assert_same(first, finish(problem, TINY)[0])
    assert not same(first, finish(problem, dataclasses.replace(TINY, seed=1))[0])


@pytest.mark.parametrize("name", ["muon", "adam"])
def test_a_resumed_fit_equals_one_never_stopped_bit_for_bit(name):
    settings = dataclasses.replace(TINY, optimizer=dataclasses.replace(TINY.optimizer, name=name))
    problem = problem_of()
    whole, _ = finish(problem, settings)
    kept, _ = finish(problem, settings, chunks=1)
    assert not same(kept, whole)
    _, hyper, fibers_key = fit.init(problem, settings)
    resumed, _ = resume((jax.tree.map(jnp.asarray, kept), hyper, fibers_key), problem, settings)
    assert_same(whole, resumed)


def test_every_step_draws_other_fibers_that_depend_on_the_step_alone(key):
    drawn = [fibers.draw(jax.random.fold_in(key, step), (64, 64), 4)[0][1] for step in (0, 1, 0)]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


def test_three_chunks_and_other_hyper_parameters_trace_the_step_once(monkeypatch):
    problem, traces = problem_of(grid=(11, 13)), []
    honest = fit.step

    def counted(*args):
        traces.append(1)
        return honest(*args)

    monkeypatch.setattr(fit, "step", counted)
    finish(problem, TINY)
    others = {
        "seed": 5,
        "field.omega": 10.0,
        "regularizer.inrr.weight": 0.5,
        "optimizer.matrix_rate": 0.01,
        "optimizer.field_rate": 0.01,
        "optimizer.laplacian_rate": 0.001,
        "regularizer.air.weight": 0.5,
        "correction": "harmonic",
        "mask.rate": 0.3,
    }
    finish(problem, change(TINY, others))
    assert len(traces) == 1
    finish(problem, change(TINY, {"field.width": 12}))
    assert len(traces) == 2


def test_every_hyper_parameter_has_an_effect():
    problem = problem_of()
    reference, _ = finish(problem, TINY, chunks=1)
    _, hyper, fibers_key = fit.init(problem, TINY)
    leaves, structure = jax.tree.flatten(hyper)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(hyper)]
    assert len(paths) == 5  # omega, the weight of inrr and three rates
    for index, path in enumerate(paths):
        state, _, _ = fit.init(problem, TINY)
        halved = jax.tree.unflatten(structure, [x / 2 if i == index else x for i, x in enumerate(leaves)])
        state, _ = fit.fit_chunk(
            state, problem.visible, halved, fibers_key, static=static_key(TINY), length=TINY.train.chunk
        )
        assert not same(reference.params, jax.device_get(state.params)), path


def test_a_mapped_fit_equals_a_lone_one():
    problem = problem_of()
    settings = [dataclasses.replace(TINY, seed=seed) for seed in (0, 1, 2)]
    starts = [fit.init(problem, s) for s in settings]
    stack = jax.jit(lambda *starts: jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts))(*starts)
    mapped = jax.vmap(
        lambda state, hyper, k: (
            fit.fit_chunk(state, problem.visible, hyper, k, static=static_key(TINY), length=8)[0].params
        )
    )(*stack)
    mapped = jax.device_get(mapped)
    for member, one in enumerate(settings):
        lone, _ = finish(problem, one, chunks=1)
        for a, b in zip(jax.tree.leaves(mapped), jax.tree.leaves(lone.params), strict=True):
            np.testing.assert_allclose(a[member], b, atol=2e-4)


def test_a_golden_step():
    """One step equals gradient and update written out: Adam's first step is -rate * sign(gradient)."""
    settings = dataclasses.replace(
        TINY, optimizer=dataclasses.replace(TINY.optimizer, name="adam", schedule="constant", first_scale=1.0)
    )
    problem = problem_of()
    state, hyper, fibers_key = fit.init(problem, settings)
    parts = {
        "field": settings.field.build(problem.domain),
        "regularizer": regularizers.build(settings.regularizer.terms, problem.domain),
        "fiber_count": settings.train.fibers,
    }
    gradient = jax.jit(jax.grad(partial(objective, **parts), has_aux=True))
    gradients, _ = gradient(state.params, problem.visible, hyper, jax.random.fold_in(fibers_key, 0))
    before = jax.device_get(state.params)
    after, info = take_step(state, problem.visible, hyper, fibers_key, static_key(settings))
    after, gradients = jax.device_get((after, gradients))
    for group, rate in (("field", 5e-3), ("inrr", 2e-2)):
        triples = zip(*(jax.tree.leaves(t[group]) for t in (before, after.params, gradients)), strict=True)
        for old, new, gradient in triples:
            moved = np.abs(gradient) > 1e-5  # Adam's epsilon shows below
            np.testing.assert_allclose((new - old)[moved], -rate * np.sign(gradient)[moved], rtol=1e-2)
    assert int(after.step) == 1
    assert set(info) == {"loss", "fidelity", "energy_inrr_row", "energy_inrr_col"}


def test_the_loss_is_the_sum_of_its_terms_and_falls():
    settings = dataclasses.replace(TINY, train=dataclasses.replace(TINY.train, steps=200, chunk=50, fibers=0))
    _, infos = finish(problem_of(), settings)
    loss, fidelity, row, col = (
        np.concatenate([info[name] for info in infos])
        for name in ("loss", "fidelity", "energy_inrr_row", "energy_inrr_col")
    )
    np.testing.assert_allclose(loss, fidelity + settings.regularizer.inrr.weight * (row + col), rtol=1e-5)
    assert loss[-20:].mean() < 0.3 * loss[:5].mean()


def test_terms_of_a_sum_have_weights_and_parameters_of_their_own():
    settings = dataclasses.replace(
        PLAIN,
        regularizer=dataclasses.replace(
            PLAIN.regularizer,
            name="air+inrr+grid",
            air=air.Config(weight=0.5),
            inrr=dataclasses.replace(PLAIN.regularizer.inrr, weight=0.25),
            grid=grid.Config(weight=2.0),
        ),
    )
    problem = problem_of()
    state, hyper, _ = fit.init(problem, settings)
    assert {name: float(weight) for name, weight in hyper.weight.items()} == {"air": 0.5, "inrr": 0.25, "grid": 2.0}
    assert set(state.params) == {"field", "air", "inrr"}
    assert_same(state.params["inrr"], fit.init(problem, PLAIN)[0].params["inrr"])
    assert set(fit.laplacians(state.params, problem.domain, settings)) == {"air", "inrr", "grid"}
    before = jax.device_get(state.params)
    after, (info, *_) = finish(problem, settings, chunks=1)
    energies = sum(
        weight * (info[f"energy_{name}_row"] + info[f"energy_{name}_col"]) for name, weight in hyper.weight.items()
    )
    np.testing.assert_allclose(info["loss"], info["fidelity"] + energies, rtol=1e-5)
    for group in before:
        assert not same(before[group], after.params[group]), group


def test_without_regularizer_only_the_field_is_learned():
    settings, problem = change(TINY, {"regularizer.name": "none"}), problem_of()
    state, infos = finish(problem, settings, chunks=1)
    assert set(state.params) == {"field"}
    assert set(infos[0]) == {"loss", "fidelity"}
    assert fit.laplacians(state.params, problem.domain, settings) == {}


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"field_rate": 1e30}, r"step [2-9]: no number in fidelity"),
        ({"laplacian_rate": 1e30}, r"step \d+: no number in .*energy_inrr_row"),
    ],
)
def test_divergence_names_the_step_and_the_term(rates, message):
    optimizer = dataclasses.replace(TINY.optimizer, name="adam", schedule="constant", **rates)
    with pytest.raises(DivergedError, match=message):
        finish(problem_of(), dataclasses.replace(TINY, optimizer=optimizer))


def test_a_parameter_that_is_no_number_is_named_even_if_no_loss_has_seen_it():
    with pytest.raises(DivergedError, match="step 3: no number in a parameter"):
        fit.check_finite({"loss": jnp.ones(3)}, {"field": jnp.array([1.0, jnp.nan])}, 0)
    fit.check_finite({"loss": jnp.ones(3)}, {"field": jnp.array([1.0])}, 0)


PLAIN = dataclasses.replace(
    TINY, field=dataclasses.replace(TINY.field, depth=1), optimizer=OptimizerSettings(name="adam", warmup=4)
)
"""Compiles fast."""


def laplacian_params(problem, settings, chunks):
    return {name: p for name, p in finish(problem, settings, chunks)[0].params.items() if name != "field"}


def test_a_frozen_laplacian_is_the_one_that_it_was_frozen_from():
    learning, frozen = (
        dataclasses.replace(PLAIN, optimizer=dataclasses.replace(PLAIN.optimizer, freeze_at=step)) for step in (0, 8)
    )
    problem = problem_of()
    then = laplacian_params(problem, learning, chunks=1)
    assert_same(then, laplacian_params(problem, frozen, chunks=1))
    assert_same(then, laplacian_params(problem, frozen, chunks=3))
    assert not same(then, laplacian_params(problem, learning, chunks=3))


def test_at_a_rate_of_0_the_laplacian_stays_and_the_field_learns():
    still = dataclasses.replace(PLAIN, optimizer=dataclasses.replace(PLAIN.optimizer, laplacian_rate=0.0))
    problem = problem_of()
    before = jax.device_get(fit.init(problem, still)[0].params)
    after = finish(problem, still)[0].params
    assert_same(before["inrr"], after["inrr"])
    assert not same(before["field"], after["field"])


@pytest.mark.parametrize(
    ("field", "regularizer"),
    [("relu", "grid"), ("fourier", "air"), ("dmf", "inrr"), pytest.param("dmf", "air", marks=pytest.mark.slow)],
)
def test_every_field_learns_with_every_regularizer(field, regularizer):
    changes = {"field.name": field, "regularizer.name": regularizer, "train.steps": 100, "train.chunk": 50}
    settings = change(PLAIN, changes)
    _, infos = finish(problem_of(), settings)
    assert infos[-1]["fidelity"][-10:].mean() < 0.5 * infos[0]["fidelity"][0]
    assert all((info[f"energy_{regularizer}_row"] > 0).all() for info in infos)


def test_recover_evaluates_the_whole_grid():
    problem = problem_of(channels=3)
    state, hyper, _ = fit.init(problem, TINY)
    values = fit.recover(state.params, hyper, problem.domain, TINY)
    axes = grids.axes((12, 10))
    point = jnp.array([[axes[0][3], axes[1][7]]])
    field = TINY.field.build(problem.domain)
    np.testing.assert_allclose(values[3, 7], field.apply(state.params["field"], point, hyper.field)[0], atol=1e-5)
    assert values.shape == (12, 10, 3)
    np.testing.assert_array_equal(fit.recover(state.params, hyper, problem.domain, static_key(TINY)), values)


def test_recover_in_tiles_is_recover_at_once_and_needs_the_memory_of_one_tile():
    problem = problem_of()
    state, hyper, _ = fit.init(problem, TINY)
    cut, whole = (
        fit.recover(state.params, hyper, problem.domain, change(TINY, {"field.tile": tile})) for tile in (7, 0)
    )
    np.testing.assert_allclose(cut, whole, atol=1e-6)
    large = fit._recover.lower(
        state.params["field"], hyper.field, domain=Domain((1024, 1024), 1), static=static_key(TINY)
    )
    assert large.compile().memory_analysis().temp_size_in_bytes < 16 * 2**20  # the coordinates alone are 8 MiB


def test_the_memory_of_a_step_does_not_grow_with_the_pixels():
    taken = []
    for side in (64, 512):
        problem = problem_of((side, 32))
        state, hyper, fibers_key = fit.init(problem, TINY)
        program = fit.fit_chunk.lower(
            state, problem.visible, hyper, fibers_key, static=static_key(TINY), length=2
        ).compile()
        taken.append(program.memory_analysis().temp_size_in_bytes)
    # The points of 4 fibers along each axis: 4 (64 + 32) and 4 (512 + 32).
    assert taken[1] < 6 * taken[0]


def test_solve_is_the_fit_from_the_first_to_the_last_step():
    problem = problem_of()
    state, _ = finish(problem, PLAIN)
    _, hyper, _ = fit.init(problem, PLAIN)
    solved = fit.solve(problem, PLAIN)
    assert isinstance(solved, np.ndarray)
    np.testing.assert_array_equal(solved, fit.recover(state.params, hyper, problem.domain, PLAIN))


def test_a_fit_sees_neither_the_truth_nor_the_missing_values():
    problem = problem_of()
    mask = problem.operator.mask
    junk = np.where(mask[..., None], problem.truth, np.nan).astype(np.float32)
    np.testing.assert_array_equal(fit.solve(masked(junk, mask), PLAIN), fit.solve(problem, PLAIN))


def test_a_grid_that_is_too_small_is_refused():
    with pytest.raises(UserError, match=r"the grid is 3 x 10, too small for train\.fibers=4: .* at least 2 x 2$"):
        fit.init(problem_of(grid=(3, 10)), TINY)
    with pytest.raises(UserError, match="the grid is 1 x 10, too small for train.fibers=0"):
        fit.check_size(Domain((1, 10), 1), change(TINY, {"train.fibers": 0}))
    fit.check_size(Domain((4, 4), 1), TINY)


@pytest.mark.parametrize(
    ("changes", "name"), [({"regularizer.name": "guide"}, "guide"), ({"field.name": "inrz"}, "first_estimate")]
)
def test_a_missing_auxiliary_array_is_named_in_one_line(changes, name):
    problem, settings = problem_of(), change(PLAIN, changes)
    with pytest.raises(UserError, match=f"needs the auxiliary array {name}, .*recipes.pipeline.solve") as caught:
        fit.init(problem, settings)
    assert "\n" not in str(caught.value)
    fit.init(problem.with_auxiliary(**{name: problem.truth}), settings)
