import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fields
from inrr_jax.fields.siren import Siren
from inrr_jax.settings import FieldSettings

PLAIN = FieldSettings(width=64, depth=3, precision="float32", sine="exact", tile=0)


def points_in(key, count, dimensions=2):
    return jax.random.uniform(key, (count, dimensions), minval=-1, maxval=1)


def pre_activations(siren, params, points, omega):
    _, state = siren.apply({"params": params}, points, omega, mutable="intermediates")
    return state["intermediates"]["pre_activation"]


@pytest.mark.parametrize("hidden_omega", [1.0, 30.0])
def test_variances_follow_the_theory_layer_by_layer(key, hidden_omega):
    # Sitzmann et al., supplement 1.3: v -> 1 - exp(-2 v), here from the first hidden layer's own v.
    siren = Siren(features=1, width=2048, depth=5, hidden_omega=hidden_omega)
    keys = jax.random.split(key, 2)
    points = points_in(keys[0], 512)
    layers = pre_activations(siren, siren.init(keys[1], points, 30.0)["params"], points, 30.0)
    measured = [float(layer.var()) for layer in layers[1:]]
    for before, after in zip(measured[:-1], measured[1:], strict=True):
        assert after == pytest.approx(1 - np.exp(-2 * before), rel=0.03)
    assert measured[-1] ** 0.5 == pytest.approx(0.893, abs=0.02)


def test_without_the_published_bound_the_variance_leaves_the_theory(key):
    siren = Siren(features=1, width=2048, depth=5)
    points = points_in(key, 512)
    params = siren.init(key, points, 30.0)["params"]
    halved = jax.tree.map(lambda p: p / 2 if p.ndim == 2 and p.shape[0] == p.shape[1] else p, params)
    layers = pre_activations(siren, halved, points, 30.0)
    assert float(layers[-1].var()) < 0.5 * (1 - np.exp(-2 * float(layers[-2].var())))


@pytest.mark.parametrize(("name", "fan_in", "scale"), [("first", 2, None), ("hidden1", 64, 30.0), ("last", 64, 30.0)])
def test_weights_and_biases_are_uniform_in_the_published_bounds(key, name, fan_in, scale):
    siren = Siren(features=3, width=64, depth=3, hidden_omega=30.0)
    layer = siren.init(key, jnp.zeros((1, 2)), 30.0)["params"][name]
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
    outputs = [siren.apply({"params": p}, points, 30.0) for siren, p in ((one, params), (thirty, shrunk))]
    np.testing.assert_allclose(outputs[0], 30 * outputs[1], atol=1e-4)


def test_the_network_equals_its_formula(key):
    field = fields.make(PLAIN, 2, 3)
    params, points = field.init(key), points_in(key, 40)
    x = np.sin(30.0 * (points @ params["first"]["kernel"] + params["first"]["bias"][None, :]))
    for layer in (params["hidden1"], params["hidden2"]):
        x = np.sin(x @ layer["kernel"] + layer["bias"][None, :])
    logits = x @ params["last"]["kernel"] + params["last"]["bias"][None, :]
    np.testing.assert_allclose(field.apply(params, points, 30.0), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_the_paper_s_network_has_its_number_of_parameters(key):
    params = fields.make(FieldSettings(), 2, 1).init(key)
    assert sum(p.size for p in jax.tree.leaves(params)) == 2 * 256 + 256 + 4 * (256 * 256 + 256) + 256 + 1


@pytest.mark.parametrize("count", [7, 16, 35, 64])
def test_tiles_change_neither_values_nor_gradients(key, count):
    whole = fields.make(PLAIN, 2, 2)
    tiled = fields.make(dataclasses.replace(PLAIN, tile=8), 2, 2)
    params, points = whole.init(key), points_in(key, count)

    def loss(params, field):
        return jnp.sum(field.apply(params, points, 30.0) ** 2)

    np.testing.assert_allclose(tiled.apply(params, points, 30.0), whole.apply(params, points, 30.0), atol=1e-6)
    for a, b in zip(*(jax.tree.leaves(jax.grad(loss)(params, f)) for f in (whole, tiled)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * float(jnp.abs(a).max()))


@pytest.mark.parametrize(("change", "tolerance"), [({"sine": "fast"}, 2e-5), ({"precision": "bfloat16"}, 0.05)])
def test_fast_variants_stay_near_the_plain_one_and_are_not_it(key, change, tolerance):
    params, points = fields.make(PLAIN, 2, 1).init(key), points_in(key, 200)
    plain, fast = (
        fields.make(s, 2, 1).apply(params, points, 30.0) for s in (PLAIN, dataclasses.replace(PLAIN, **change))
    )
    assert 0 < float(jnp.abs(plain - fast).max()) < tolerance


def test_gradient_against_central_differences_in_float64(double_precision, key):
    with double_precision():
        field = fields.make(dataclasses.replace(PLAIN, width=16), 2, 1)
        params = jax.tree.map(lambda p: p.astype(jnp.float64), field.init(key))
        points = points_in(key, 30).astype(jnp.float64)
        direction = jax.tree.map(lambda p: jax.random.normal(key, p.shape, jnp.float64), params)

        def loss(t):
            moved = jax.tree.map(lambda p, d: p + t * d, params, direction)
            return jnp.sum(field.apply(moved, points, 30.0) ** 2)

        step = 1e-6
        central = (loss(step) - loss(-step)) / (2 * step)
        assert float(jax.grad(loss)(0.0)) == pytest.approx(float(central), rel=1e-6)
