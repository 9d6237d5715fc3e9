"""FINER: the paper's equation and initialisation, its frequencies, and a fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.fields import finer, siren
from inrr_jax.fields.finer import Finer
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import fit

CONFIG = finer.Config(width=16, depth=3, first_bias=2.0, precision="float32", sine="exact")
OMEGA = {"omega": 12.0}


def test_the_network_is_the_papers_equation(key):
    field = CONFIG.build(Domain((9, 7), 2, bounds=None))
    params = field.init(key, {})
    points = jax.random.uniform(jax.random.key(1), (11, 2), minval=-1.0)
    x = np.asarray(points, np.float64)
    for name, omega in (("first", 12.0), ("hidden1", 30.0), ("hidden2", 30.0)):
        u = x @ np.asarray(params[name]["kernel"], np.float64) + np.asarray(params[name]["bias"], np.float64)
        x = np.sin(omega * (np.abs(u) + 1) * u)
    expected = x @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"])
    np.testing.assert_allclose(field.apply(params, points, OMEGA), expected, atol=1e-4)


def test_initial_values_are_those_of_siren_but_for_the_first_biases(key):
    config = finer.Config(width=256, depth=3, first_bias=5.0)
    params, plain = (c.build(Domain((9, 7), 1)).init(key, {}) for c in (config, siren.Config(width=256, depth=3)))
    bias = np.asarray(params["first"]["bias"])
    assert np.abs(bias).max() <= 5.0
    assert bias.std() == pytest.approx(5 / 3**0.5, rel=0.1)
    np.testing.assert_array_equal(params["first"]["kernel"], plain["first"]["kernel"])
    for name in ("hidden1", "hidden2", "last"):
        np.testing.assert_allclose(30 * params[name]["kernel"], plain[name]["kernel"], atol=1e-6)


def test_larger_biases_give_higher_frequencies_at_the_start(key):
    points = jnp.linspace(-1, 1, 200)[:, None]

    def roughness(first_bias):
        module = Finer(1, 64, 2, 30.0, jnp.sin, first_bias=first_bias)
        values = module.apply({"params": module.init(key, points, 10.0)["params"]}, points, 10.0)
        return float(jnp.std(jnp.diff(values[:, 0])) / jnp.std(values))

    assert roughness(4.0) > 2 * roughness(0.0)


def test_the_sown_pre_activation_is_the_argument_of_the_sine(key):
    module, points = Finer(1, 8, 2, 30.0, jnp.sin), jnp.ones((3, 2))
    params = module.init(key, points, 10.0)["params"]
    _, state = module.apply({"params": params}, points, 10.0, mutable="intermediates")
    first, hidden = state["intermediates"]["pre_activation"]
    u = points @ params["first"]["kernel"] + params["first"]["bias"][None]
    np.testing.assert_allclose(first, 10.0 * (jnp.abs(u) + 1) * u, rtol=1e-5)
    u = jnp.sin(first) @ params["hidden1"]["kernel"] + params["hidden1"]["bias"][None]
    np.testing.assert_allclose(hidden, 30.0 * (jnp.abs(u) + 1) * u, rtol=1e-4, atol=1e-5)


def test_an_omega_of_zero_is_about_half_of_siren_s():
    assert finer.Config().hyper_parameters(Domain((64, 256), 1), 2.0) == {"omega": pytest.approx(16.0)}


def test_a_fit_recovers_a_smooth_picture():
    rows, columns = np.mgrid[:16, :16] / 16
    image = (0.5 + 0.4 * np.sin(3 * rows + 2 * columns))[..., None].astype(np.float32)
    mask = np.random.default_rng(0).random((16, 16)) > 0.2
    changes = {**finer.Config.habits, "field.width": 16, "field.depth": 2, "field.omega": 2.0, "train.steps": 200}
    changes |= {"field.name": "finer", "regularizer.name": "none", "train.fibers": 0, "optimizer.field_rate": 1e-2}
    recovered = fit.solve(masked(image, mask), change(Settings(), changes))
    assert np.mean((recovered - image) ** 2) < 1e-3
