import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.fields import fourier
from inrr_jax.problem import Domain

CONFIG = fourier.Config(width=32, depth=3, precision="float32", tile=0)
DOMAIN = Domain((16, 16), 1)


def points_in(key, count):
    return jax.random.uniform(key, (count, 2), minval=-1, maxval=1)


def relu_by_hand(params, x, depth):
    for layer in range(depth):
        x = np.maximum(0, x @ params[f"hidden{layer}"]["kernel"] + params[f"hidden{layer}"]["bias"][None, :])
    return x @ params["last"]["kernel"] + params["last"]["bias"][None, :]


def test_the_fourier_network_equals_its_formula_and_omega_scales_its_frequencies(key):
    field = CONFIG.build(DOMAIN)
    params, points = field.init(key, {}), points_in(key, 40)
    phases = 5.0 * np.asarray(points @ params["frequencies"])
    encoded = np.concatenate([np.cos(phases), np.sin(phases)], axis=-1)
    wanted = 1 / (1 + np.exp(-np.asarray(relu_by_hand(params["network"], encoded, 3))))
    np.testing.assert_allclose(field.apply(params, points, {"omega": 5.0}), wanted, atol=1e-4)
    assert float(jnp.abs(field.apply(params, points, {"omega": 30.0}) - wanted).max()) > 1e-3


def test_fourier_frequencies_are_standard_normal_and_are_not_trained(key):
    field = dataclasses.replace(CONFIG, width=2048).build(DOMAIN)
    params, points = field.init(key, {}), points_in(key, 10)
    frequencies = params["frequencies"]
    assert frequencies.shape == (2, 1024)
    assert float(frequencies.std()) == pytest.approx(1, abs=0.05)
    gradient = jax.grad(lambda p: field.apply(p, points, {"omega": 5.0}).sum())(params)
    assert not gradient["frequencies"].any()
    assert gradient["network"]["hidden0"]["kernel"].any()


def test_an_omega_of_zero_is_that_of_a_siren():
    assert fourier.Config().hyper_parameters(Domain((256, 100), 1), 1.0) == {"omega": pytest.approx(15.0)}
