"""WIRE: the paper's equation and initialisation, and a fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.fields import wire
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import Settings, TrainSettings
from inrr_jax.training import fit

CONFIG = wire.Config(width=8, depth=3, precision="float32")
HYPER = {"omega": 12.0, "gabor_scale": 7.0}


def test_the_network_is_the_papers_equation(key):
    field = CONFIG.build(Domain((9, 7), 2, bounds=None))
    params = field.init(key, {})
    points = jax.random.uniform(jax.random.key(1), (11, 2), minval=-1.0)
    x = np.asarray(points, np.complex128)
    layers = ["hidden0", "hidden1", "hidden2", "last"]
    for name in layers:
        p = {part: np.asarray(values, np.float64) for part, values in params[name].items()}
        x = x @ (p["kernel"] + 1j * p["kernel_imaginary"]) + p["bias"] + 1j * p.get("bias_imaginary", 0)
        if name != "last":
            x = np.exp(1j * HYPER["omega"] * x - np.abs(HYPER["gabor_scale"] * x) ** 2)
    np.testing.assert_allclose(field.apply(params, points, HYPER), x.real, atol=1e-4)


def test_initial_weights_are_uniform_within_the_inverse_root_of_the_inputs(key):
    params = wire.Config(width=200, depth=2).build(Domain((9, 7), 1)).init(key, {})
    for name, inputs in (("hidden0", 2), ("hidden1", 200)):
        for part in ("kernel", "kernel_imaginary"):
            values = np.asarray(params[name][part])
            assert np.abs(values).max() <= inputs**-0.5
            assert values.std() == pytest.approx((inputs * 3) ** -0.5, rel=0.1)


def test_a_fit_recovers_a_smooth_picture_and_both_hyper_parameters_matter():
    rows, columns = np.mgrid[:16, :16] / 16
    image = (0.5 + 0.4 * np.sin(3 * rows + 2 * columns))[..., None].astype(np.float32)
    problem = masked(image, np.random.default_rng(0).random((16, 16)) > 0.2)
    settings = Settings(
        field=wire.Config(width=16, depth=2, omega=4.0, gabor_scale=2.0, precision="float32"),
        regularizer=RegularizerSettings(name="none"),
        train=TrainSettings(steps=150, fibers=0),
    )
    settings = change(settings, {"optimizer.name": "adam"})
    recovered = fit.solve(problem, settings)
    assert np.mean((recovered - image) ** 2) < 1e-3
    for option in ("omega", "gabor_scale"):
        other = change(settings, {f"field.{option}": 1.0, "train.steps": 5})
        assert not jnp.array_equal(fit.solve(problem, other), fit.solve(problem, change(settings, {"train.steps": 5})))
