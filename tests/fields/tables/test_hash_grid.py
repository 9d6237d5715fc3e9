"""The hash grid: levels, hash, interpolation and initial values of the paper, and fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fields.tables import hash_grid
from inrr_jax.fields.tables.hash_grid import Levels
from inrr_jax.operators import differential
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import fit

CONFIG = hash_grid.Config(levels=4, coarsest=4, table_size=100, decoder_width=6, precision="float32")


def test_cells_grow_geometrically_from_the_coarsest_to_a_share_of_the_nodes():
    assert CONFIG.cells(64) == [4, 8, 16, 32]
    assert hash_grid.Config(levels=3, coarsest=10, finest_share=0.5).cells(64) == [10, 17, 32]
    assert hash_grid.Config(levels=3, coarsest=10).cells(5) == [10, 10, 10]
    assert hash_grid.Config(levels=1, coarsest=16).cells(64) == [16]


def test_levels_that_fit_into_the_table_are_dense_and_others_share_its_entries():
    levels = Levels.of((8, 32), Domain((65, 33), 1), 100)
    assert levels.shapes == ((9, 5), (33, 17))
    assert levels.entries == (45, 100)
    rows, columns = (index.reshape(-1) for index in np.indices((33, 17)))
    dense, hashed = np.asarray(levels.entry(tuple(jnp.stack([i, i], axis=1) for i in (rows, columns)))).T
    np.testing.assert_array_equal(dense[(rows < 9) & (columns < 5)], np.arange(45))
    # The paper's equation 4 in arithmetic of 32 bits, with 1 as the first factor; the first table has 45 entries.
    expected = [45 + (int(i) ^ (int(j) * 2654435761 % 2**32)) % 100 for i, j in zip(rows, columns, strict=True)]
    np.testing.assert_array_equal(hashed, expected)
    assert len(set(expected)) > 90


def test_the_hash_of_three_axes_uses_the_third_prime():
    levels = Levels((0.0,) * 3, (8,), ((9, 9, 9),), (64,))
    expected = (3 ^ (5 * 2654435761 % 2**32) ^ (7 * 805459861 % 2**32)) % 64
    assert int(levels.entry(tuple(jnp.array([[i]]) for i in (3, 5, 7)))[0, 0]) == expected


def test_features_are_bilinear_in_each_cell_and_constant_beyond_the_border(key):
    levels = Levels.of((2, 4), Domain((9, 5), 1), 100)
    table = jax.random.normal(key, (sum(levels.entries), 2))
    nodes = np.asarray(table)[6:].reshape(5, 3, 2)
    # The domain is [-1, 1] x [-1/2, 1/2] and a cell of the second level 1/2 x 1/2.
    found = levels.at(table, jnp.array([[-1.0, -0.5], [-0.875, -0.25], [-3.0, 9.0]]))
    np.testing.assert_allclose(found[0, :2], table[0], atol=1e-6)
    np.testing.assert_allclose(found[0, 2:], nodes[0, 0], atol=1e-6)
    middle = 0.75 * (nodes[0, 0] + nodes[0, 1]) / 2 + 0.25 * (nodes[1, 0] + nodes[1, 1]) / 2
    np.testing.assert_allclose(found[1, 2:], middle, atol=1e-6)
    np.testing.assert_allclose(found[2, 2:], nodes[0, 2], atol=1e-6)


def test_initial_values_are_small_features_glorot_s_weights_and_no_biases(key):
    config = hash_grid.Config(decoder_width=200, decoder_depth=2)
    params = config.build(Domain((256, 256), 1)).init(key, {})
    features = np.asarray(params["table"])
    assert features.shape == (sum(min((cells + 1) ** 2, 4096) for cells in config.cells(256)), 2)
    assert np.abs(features).max() <= 1e-4
    assert features.std() == pytest.approx(1e-4 / 3**0.5, rel=0.05)
    for name, inputs, outputs in (("hidden0", 16, 200), ("hidden1", 200, 200)):
        weights = np.asarray(params["decoder"][name]["kernel"])
        assert weights.std() == pytest.approx((2 / (inputs + outputs)) ** 0.5, rel=0.1)
        assert not np.any(params["decoder"][name]["bias"])


def test_values_are_the_decoder_of_the_features_of_all_levels(key):
    domain = Domain((9, 5), 2, bounds=None)
    field, points = CONFIG.build(domain), jax.random.uniform(key, (6, 2), minval=-0.5, maxval=0.5)
    params = jax.tree.map(lambda leaf: leaf + 0.1, field.init(key, {}))
    x = np.asarray(Levels.of(CONFIG.cells(9), domain, 100).at(params["table"], points))
    hidden, last = (jax.tree.map(np.asarray, params["decoder"][name]) for name in ("hidden0", "last"))
    x = np.maximum(0, x @ hidden["kernel"] + hidden["bias"]) @ last["kernel"] + last["bias"]
    np.testing.assert_allclose(field.apply(params, points, {}), x, atol=1e-5)


def test_its_gradient_is_that_of_the_interpolation(key):
    domain = Domain((9, 9), 1, bounds=None)
    field = CONFIG.build(domain)
    params = jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(key, leaf.shape), field.init(key, {}))
    points, step = jnp.array([[0.11, -0.37], [0.61, 0.13]]), 1e-3

    def signal(points):
        return field.apply(params, points, {})

    @jax.jit
    def both(points):
        moved = [(signal(points + s[None]) - signal(points - s[None])) / (2 * step) for s in step * jnp.eye(2)]
        return differential.derivatives(signal, points).gradient, jnp.stack(moved, axis=-1)

    found, central = both(points)
    np.testing.assert_allclose(found, central, rtol=0.05, atol=0.01)


def test_four_axes_are_refused_and_the_size_is_that_of_levels_and_decoder():
    with pytest.raises(UserError, match=r"field.name=hash_grid on a grid of shape \(2, 2, 2, 2\): .* three axes"):
        CONFIG.build(Domain((2, 2, 2, 2), 1))
    assert CONFIG.size == "4 levels of 100 x 2, 6 x 1"


@pytest.mark.parametrize("fibers", [pytest.param(0, marks=pytest.mark.slow), 6])
def test_a_fit_recovers_a_smooth_picture_also_on_fibers_with_an_energy(fibers):
    rows, columns = np.mgrid[:20, :20] / 20
    image = (0.5 + 0.4 * np.sin(3 * rows + 2 * columns))[..., None].astype(np.float32)
    mask = np.random.default_rng(0).random((20, 20)) > 0.3
    changes = {"field.name": "hash_grid", "field.levels": 3, "field.coarsest": 3, "regularizer.name": "inrr"}
    changes |= {**hash_grid.Config.habits, "optimizer.field_rate": 2e-2, "train.steps": 200, "train.fibers": fibers}
    recovered = fit.solve(masked(image, mask), change(Settings(), changes))
    assert np.sqrt(np.mean((recovered - image)[~mask] ** 2)) < 0.05
