import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.fields import siren
from inrr_jax.fields.siren import Siren
from inrr_jax.problem import Domain

PLAIN = siren.Config(width=64, depth=3, precision="float32", sine="exact", tile=0)
OMEGA = {"omega": 30.0}


def picture(channels=1):
    """Return a domain; a network does not depend on its lengths."""
    return Domain((16, 16), channels)


def points_in(key, count, dimensions=2):
    return jax.random.uniform(key, (count, dimensions), minval=-1, maxval=1)


def pre_activations(network, params, points, omega):
    _, state = network.apply({"params": params}, points, omega, mutable="intermediates")
    return state["intermediates"]["pre_activation"]


@pytest.mark.parametrize("hidden_omega", [1.0, 30.0])
def test_variances_follow_the_theory_layer_by_layer(key, hidden_omega):
    # Sitzmann et al., supplement 1.3: v -> 1 - exp(-2 v), here from the first hidden layer's own v.
    network = Siren(features=1, width=1024, depth=5, hidden_omega=hidden_omega)
    keys = jax.random.split(key, 2)
    points = points_in(keys[0], 512)
    layers = pre_activations(network, network.init(keys[1], points, 30.0)["params"], points, 30.0)
    measured = [float(layer.var()) for layer in layers[1:]]
    for before, after in zip(measured[:-1], measured[1:], strict=True):
        assert after == pytest.approx(1 - np.exp(-2 * before), rel=0.03)
    assert measured[-1] ** 0.5 == pytest.approx(0.893, abs=0.02)


def test_without_the_published_bound_the_variance_leaves_the_theory(key):
    network = Siren(features=1, width=1024, depth=5)
    points = points_in(key, 512)
    params = network.init(key, points, 30.0)["params"]
    halved = jax.tree.map(lambda p: p / 2 if p.ndim == 2 and p.shape[0] == p.shape[1] else p, params)
    layers = pre_activations(network, halved, points, 30.0)
    assert float(layers[-1].var()) < 0.5 * (1 - np.exp(-2 * float(layers[-2].var())))


@pytest.mark.parametrize(("name", "fan_in", "scale"), [("first", 2, None), ("hidden1", 64, 30.0), ("last", 64, 30.0)])
def test_weights_and_biases_are_uniform_in_the_published_bounds(key, name, fan_in, scale):
    network = Siren(features=3, width=64, depth=3, hidden_omega=30.0)
    layer = network.init(key, jnp.zeros((1, 2)), 30.0)["params"][name]
    bound = 1 / fan_in if scale is None else np.sqrt(6 / fan_in) / scale
    for values in jax.tree.leaves(layer):
        assert np.abs(values).max() <= bound
    assert np.abs(layer["kernel"]).max() > 0.9 * bound
    assert float(layer["kernel"].std()) == pytest.approx(bound / np.sqrt(3), rel=0.2)


def test_both_scalings_start_with_the_same_sine_layers_and_proportional_outputs(key):
    points = points_in(key, 50)
    one, thirty = (Siren(features=1, width=64, depth=3, hidden_omega=h) for h in (1.0, 30.0))
    params = one.init(key, points, 30.0)["params"]
    shrunk = {name: p if name == "first" else jax.tree.map(lambda x: x / 30, p) for name, p in params.items()}
    same = jax.tree.map(np.allclose, shrunk, thirty.init(key, points, 30.0)["params"])
    assert all(jax.tree.leaves(same))
    outputs = [network.apply({"params": p}, points, 30.0) for network, p in ((one, params), (thirty, shrunk))]
    np.testing.assert_allclose(outputs[0], 30 * outputs[1], atol=1e-4)


def test_the_network_equals_its_formula(key):
    field = PLAIN.build(picture(3))
    params, points = field.init(key, {}), points_in(key, 40)
    x = np.sin(30.0 * (points @ params["first"]["kernel"] + params["first"]["bias"][None, :]))
    for layer in (params["hidden1"], params["hidden2"]):
        x = np.sin(x @ layer["kernel"] + layer["bias"][None, :])
    logits = x @ params["last"]["kernel"] + params["last"]["bias"][None, :]
    np.testing.assert_allclose(field.apply(params, points, OMEGA), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_the_paper_s_network_has_its_number_of_parameters(key):
    params = siren.Config().build(picture()).init(key, {})
    assert sum(p.size for p in jax.tree.leaves(params)) == 2 * 256 + 256 + 4 * (256 * 256 + 256) + 256 + 1


@pytest.mark.parametrize(("change", "tolerance"), [({"sine": "fast"}, 2e-5), ({"precision": "bfloat16"}, 0.05)])
def test_fast_variants_stay_near_the_plain_one_and_are_not_it(key, change, tolerance):
    params, points = PLAIN.build(picture()).init(key, {}), points_in(key, 200)
    configs = PLAIN, dataclasses.replace(PLAIN, **change)
    plain, fast = (config.build(picture()).apply(params, points, OMEGA) for config in configs)
    assert 0 < float(jnp.abs(plain - fast).max()) < tolerance


def test_gradient_against_central_differences_in_float64(double_precision, key):
    with double_precision():
        field = dataclasses.replace(PLAIN, width=16).build(picture())
        params = jax.tree.map(lambda p: p.astype(jnp.float64), field.init(key, {}))
        points = points_in(key, 30).astype(jnp.float64)
        direction = jax.tree.map(lambda p: jax.random.normal(key, p.shape, jnp.float64), params)

        def loss(t):
            moved = jax.tree.map(lambda p, d: p + t * d, params, direction)
            return jnp.sum(field.apply(moved, points, OMEGA) ** 2)

        step = 1e-6
        found = jax.jit(jax.value_and_grad(loss))
        central = (found(step)[0] - found(-step)[0]) / (2 * step)
        assert float(found(0.0)[1]) == pytest.approx(float(central), rel=1e-6)


@pytest.mark.parametrize(("shape", "detail", "omega"), [((256, 100), 1.0, 15.0), ((64, 128), 2.0, 15.0)])
def test_an_omega_of_zero_grows_with_the_longest_axis_and_the_detail(shape, detail, omega):
    assert siren.Config().hyper_parameters(Domain(shape, 1), detail) == {"omega": pytest.approx(omega)}
    assert siren.Config(omega=7.0).hyper_parameters(Domain(shape, 1), detail) == {"omega": 7.0}


def test_the_configs_of_networks_show_their_size():
    assert siren.Config(width=192, depth=4).size == "192 x 4"
