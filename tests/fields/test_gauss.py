"""Gaussian activations: the paper's equation, the initial values, and a fit."""

import jax
import numpy as np
import pytest

from inrr_jax.fields import gauss
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import fit


def test_the_network_is_the_papers_equation(key):
    field = gauss.Config(width=8, depth=3, precision="float32").build(Domain((9, 7), 2, bounds=None))
    params = field.init(key, {})
    points = jax.random.uniform(jax.random.key(1), (11, 2), minval=-1.0)
    x = np.asarray(points, np.float64)
    for name in ("hidden0", "hidden1", "hidden2", "last"):
        x = x @ np.asarray(params[name]["kernel"], np.float64) + np.asarray(params[name]["bias"], np.float64)
        if name != "last":
            x = np.exp(-0.5 * x**2 / 0.125**2)
    np.testing.assert_allclose(field.apply(params, points, {"sharpness": 8.0}), x, atol=1e-4)


def test_initial_values_are_uniform_within_the_inverse_root_of_the_inputs(key):
    params = gauss.Config(width=200, depth=2).build(Domain((9, 7), 1)).init(key, {})
    for name, inputs in (("hidden0", 2), ("hidden1", 200), ("last", 200)):
        for values in map(np.asarray, params[name].values()):
            assert np.abs(values).max() <= inputs**-0.5
        assert np.asarray(params[name]["kernel"]).std() == pytest.approx((3 * inputs) ** -0.5, rel=0.1)


def test_a_sharpness_of_zero_grows_with_the_longest_axis_and_the_detail():
    assert gauss.Config().hyper_parameters(Domain((64, 128), 1), 2.0) == {"sharpness": pytest.approx(40.0)}
    assert gauss.Config(sharpness=7.0).hyper_parameters(Domain((64, 128), 1), 2.0) == {"sharpness": 7.0}


def test_a_fit_recovers_a_smooth_picture_and_sharpness_matters():
    rows, columns = np.mgrid[:16, :16] / 16
    image = (0.5 + 0.4 * np.sin(3 * rows + 2 * columns))[..., None].astype(np.float32)
    problem = masked(image, np.random.default_rng(0).random((16, 16)) > 0.2)
    changes = {**gauss.Config.habits, "field.width": 16, "field.depth": 2, "field.sharpness": 2.0, "train.steps": 200}
    changes |= {"field.name": "gauss", "regularizer.name": "none", "train.fibers": 0, "optimizer.field_rate": 3e-2}
    settings = change(Settings(), changes)
    recovered = fit.solve(problem, settings)
    assert np.mean((recovered - image) ** 2) < 1e-3
    # So sharp an activation is zero almost everywhere, and interpolates nothing.
    missing = ~problem.operator.mask
    sharp = fit.solve(problem, change(settings, {"field.sharpness": 100.0}))
    assert np.mean((sharp - image)[missing] ** 2) > 3 * np.mean((recovered - image)[missing] ** 2)
