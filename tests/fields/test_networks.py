import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fields
from inrr_jax.errors import UserError
from inrr_jax.fields.networks import Relu
from inrr_jax.settings import FieldSettings

RELU = FieldSettings(name="relu", width=32, depth=3, precision="float32", tile=0)
FOURIER = dataclasses.replace(RELU, name="fourier")


def points_in(key, count):
    return jax.random.uniform(key, (count, 2), minval=-1, maxval=1)


def relu_by_hand(params, x, depth):
    for layer in range(depth):
        x = np.maximum(0, x @ params[f"hidden{layer}"]["kernel"] + params[f"hidden{layer}"]["bias"][None, :])
    return x @ params["last"]["kernel"] + params["last"]["bias"][None, :]


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_the_relu_network_equals_its_formula_whatever_omega(key):
    field = fields.make(RELU, 2, 3)
    params, points = field.init(key), points_in(key, 40)
    wanted = sigmoid(relu_by_hand(params, points, 3))
    for omega in (1.0, 30.0):
        np.testing.assert_allclose(field.apply(params, points, omega), wanted, atol=1e-5)


def test_the_fourier_network_equals_its_formula_and_omega_scales_its_frequencies(key):
    field = fields.make(FOURIER, 2, 1)
    params, points = field.init(key), points_in(key, 40)
    phases = 5.0 * np.asarray(points @ params["frequencies"])
    encoded = np.concatenate([np.cos(phases), np.sin(phases)], axis=-1)
    wanted = sigmoid(relu_by_hand(params["network"], encoded, 3))
    np.testing.assert_allclose(field.apply(params, points, 5.0), wanted, atol=1e-4)
    assert float(jnp.abs(field.apply(params, points, 30.0) - wanted).max()) > 1e-3


def test_fourier_frequencies_are_standard_normal_and_are_not_trained(key):
    field = fields.make(dataclasses.replace(FOURIER, width=2048), 2, 1)
    params, points = field.init(key), points_in(key, 10)
    frequencies = params["frequencies"]
    assert frequencies.shape == (2, 1024)
    assert float(frequencies.std()) == pytest.approx(1, abs=0.05)
    gradient = jax.grad(lambda p: field.apply(p, points, 5.0).sum())(params)
    assert not gradient["frequencies"].any()
    assert gradient["network"]["hidden0"]["kernel"].any()


@pytest.mark.parametrize(("halve", "kept"), [(False, True), (True, False)])
def test_he_s_variance_keeps_the_second_moment_and_half_of_it_does_not(key, halve, kept):
    relu = Relu(features=1, width=1024, depth=6)
    points = points_in(key, 256)
    params = relu.init(key, points, 1.0)["params"]
    if halve:
        params = jax.tree.map(lambda p: p / 2**0.5, params)
    moments, x = [], points
    for layer in range(6):
        x = nn_relu(params[f"hidden{layer}"], x)
        moments.append(float((x**2).mean()))
    assert (0.7 < moments[-1] / moments[1] < 1.4) == kept


def nn_relu(layer, x):
    return jax.nn.relu(x @ layer["kernel"] + layer["bias"][None, :])


def test_what_lives_on_a_grid_is_refused_as_a_network():
    with pytest.raises(UserError, match="field.name=dmf lives on a grid: give one of fourier, relu, siren"):
        fields.make(FieldSettings(name="dmf"), 2, 1)
