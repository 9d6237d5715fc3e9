"""The optimiser: groups of parameters, the schedule, and Muon."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.settings import OptimizerSettings, Settings
from inrr_jax.training import fit, optimizers
from inrr_jax.training.programs import collect_hyper_parameters, static_key

TINY = change(
    Settings(),
    {
        "field.width": 16,
        "field.depth": 3,
        "field.omega": 15.0,
        "field.precision": "float32",
        "regularizer.inrr.width": 8,
        "regularizer.inrr.depth": 2,
        "regularizer.inrr.rank": 6,
        "train.fibers": 4,
    },
)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    return masked(rng.uniform(size=(12, 10, 1)).astype(np.float32), rng.uniform(size=(12, 10)) < 0.7)


def test_muon_takes_the_square_matrices_of_the_field_alone(problem):
    params = fit.init(problem, TINY)[0].params
    labels = optimizers.labels(params, matrices=True)
    assert labels["field"]["hidden1"] == {"kernel": "matrix", "bias": "field"}
    assert set(jax.tree.leaves(labels["field"]["first"])) == {"first"}
    assert set(jax.tree.leaves(labels["field"]["last"])) == {"field"}
    assert set(jax.tree.leaves(labels["inrr"])) == {"laplacian"}
    assert "matrix" not in jax.tree.leaves(optimizers.labels(params, matrices=False))


def test_muon_s_step_is_nearly_orthogonal(problem):
    settings = dataclasses.replace(TINY, optimizer=OptimizerSettings(warmup=4, schedule="constant", matrix_rate=1.0))
    state, hyper, key = fit.init(problem, settings)
    before = np.asarray(state.params["field"]["hidden1"]["kernel"])
    after, _ = jax.jit(fit.step, static_argnums=4)(state, problem.visible, hyper, key, static_key(settings))
    singular = np.linalg.svd(np.asarray(after.params["field"]["hidden1"]["kernel"]) - before, compute_uv=False)
    assert singular.max() < 1.3
    assert np.median(singular) > 0.6


def test_muon_s_iterations_are_optax_s(key):
    matrix = jax.random.normal(key, (24, 24))
    expected = optax.contrib.muon(-1.0, beta=0.0, nesterov=False)
    expected, _ = expected.update({"w": matrix}, expected.init({"w": matrix}), {"w": matrix})
    np.testing.assert_allclose(optimizers.orthogonal(matrix, "float32"), expected["w"], atol=1e-4)
    rounded = optimizers.orthogonal(matrix, "bfloat16")
    assert jnp.linalg.norm(rounded - expected["w"]) < 0.05 * jnp.linalg.norm(rounded)


@pytest.mark.parametrize(("name", "asked", "decay"), [("muon", 0.0, 0.95), ("adam", 0.0, 0.999), ("muon", 0.99, 0.99)])
def test_adam_s_mean_of_squares_decays_as_the_optimiser_s_or_as_set(problem, name, asked, decay):
    settings = dataclasses.replace(TINY, optimizer=OptimizerSettings(name=name, square_decay=asked))
    _, hyper, _ = fit.init(problem, settings)
    params = {"field": {"last": jnp.ones(3)}, "inrr": {"row": jnp.ones(2)}}
    made = optimizers.make(settings.optimizer, hyper, 10, "float32")
    _, state = made.update(jax.tree.map(lambda x: 2 * x, params), made.init(params), params)
    for group, parts in (("field", "field"), ("laplacian", "inrr")):
        squares = optax.tree_utils.tree_get(state.inner_states[group], "nu")[parts]
        for leaf in jax.tree.leaves(squares):
            np.testing.assert_allclose(leaf, 4 * (1 - decay), rtol=1e-4)


def test_muon_s_momentum_decays_as_set():
    gradient = {"w": jnp.eye(3)}
    made = optimizers.muon(lambda step: 1.0, 0.5, "float32")
    _, state = made.update(gradient, made.init(gradient))
    _, state = made.update(gradient, state)
    np.testing.assert_allclose(optax.tree_utils.tree_get(state, "trace")["w"], 1.5 * np.eye(3))


def test_the_cosine_schedule_warms_up_and_ends_at_zero():
    schedule = optimizers.schedule(OptimizerSettings(warmup=50), 900)
    assert float(schedule(0)) == 0
    assert float(schedule(25)) == pytest.approx(0.5)
    assert float(schedule(50)) == pytest.approx(1)
    assert float(schedule(900)) == pytest.approx(0, abs=1e-6)
    short = optimizers.schedule(OptimizerSettings(warmup=50), 5)
    assert 0 < float(short(3)) <= 1
    assert float(optimizers.schedule(OptimizerSettings(schedule="constant"), 9)(7)) == 1


def test_optax_keeps_a_state_per_group(problem):
    state = fit.init(problem, TINY)[0]
    assert set(state.optimizer.inner_states) == {"matrix", "field", "first", "laplacian"}
    hyper = collect_hyper_parameters(TINY, problem.domain)
    assert isinstance(optimizers.make(TINY.optimizer, hyper, 10, "float32"), optax.GradientTransformation)
