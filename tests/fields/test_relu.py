import jax
import numpy as np
import pytest

from inrr_jax.fields import relu
from inrr_jax.fields.relu import Relu
from inrr_jax.problem import Domain

CONFIG = relu.Config(width=32, depth=3, precision="float32", tile=0)


def points_in(key, count):
    return jax.random.uniform(key, (count, 2), minval=-1, maxval=1)


def relu_by_hand(params, x, depth):
    for layer in range(depth):
        x = np.maximum(0, x @ params[f"hidden{layer}"]["kernel"] + params[f"hidden{layer}"]["bias"][None, :])
    return x @ params["last"]["kernel"] + params["last"]["bias"][None, :]


def test_the_relu_network_equals_its_formula_and_has_no_omega(key):
    field = CONFIG.build(Domain((16, 16), 3))
    params, points = field.init(key, {}), points_in(key, 40)
    wanted = 1 / (1 + np.exp(-np.asarray(relu_by_hand(params, points, 3))))
    np.testing.assert_allclose(field.apply(params, points, {}), wanted, atol=1e-5)
    assert CONFIG.hyper_parameters(Domain((16, 16), 3), 1.0) == {}


@pytest.mark.parametrize(("halve", "kept"), [(False, True), (True, False)])
def test_he_s_variance_keeps_the_second_moment_and_half_of_it_does_not(key, halve, kept):
    network = Relu(features=1, width=1024, depth=6)
    points = points_in(key, 256)
    params = network.init(key, points)["params"]
    if halve:
        params = jax.tree.map(lambda p: p / 2**0.5, params)
    moments, x = [], points
    for layer in range(6):
        x = nn_relu(params[f"hidden{layer}"], x)
        moments.append(float((x**2).mean()))
    assert (0.7 < moments[-1] / moments[1] < 1.4) == kept


def nn_relu(layer, x):
    return jax.nn.relu(x @ layer["kernel"] + layer["bias"][None, :])
