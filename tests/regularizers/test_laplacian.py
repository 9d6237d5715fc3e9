import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import regularizers
from inrr_jax.regularizers.laplacian import LAPLACIANS, adjacency, air, inrr, laplacian, path
from inrr_jax.settings import RegularizerSettings

SMALL = RegularizerSettings(width=16, depth=3, rank=24)


def graph(key, nodes=40, settings=SMALL):
    built = inrr(settings, nodes)
    return built.factor(built.init(key))


@pytest.mark.parametrize("nodes", [24, 40])
def test_the_learned_laplacian_is_one(key, nodes):
    matrix = np.asarray(laplacian(adjacency(graph(key, nodes))), np.float64)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    assert np.linalg.eigvalsh(matrix).min() > -1e-6
    assert (matrix[~np.eye(nodes, dtype=bool)] <= 0).all()


def test_a_matrix_with_negative_similarities_is_no_laplacian():
    bad = jnp.array([[0.0, -1.0], [-1.0, 0.0]])
    assert np.linalg.eigvalsh(laplacian(bad)).min() < -1


def test_self_loops_cancel(key):
    similar = adjacency(graph(key))
    without = similar - jnp.diag(jnp.diag(similar))
    np.testing.assert_allclose(laplacian(similar), laplacian(without), atol=1e-6)


def test_rows_of_the_factor_are_distributions_and_degrees_are_near_one(key):
    factor = graph(key, nodes=200)
    assert factor.shape == (200, 24)
    np.testing.assert_allclose(factor.sum(axis=1), 1, atol=1e-5)
    assert float(adjacency(factor).sum(axis=1).mean()) == pytest.approx(1, rel=0.5)


def test_the_rank_is_never_more_than_the_nodes(key):
    assert graph(key, nodes=10).shape == (10, 10)


def test_neighbours_are_more_alike_than_strangers(key):
    factor = graph(key, nodes=100)
    near = float(jnp.abs(factor[1:] - factor[:-1]).sum(axis=1).mean())
    assert near < 0.2 * float(jnp.abs(factor - factor[::-1]).sum(axis=1).mean())


def test_the_paper_s_tiny_network_has_about_twelve_thousand_parameters(key):
    params = inrr(RegularizerSettings(), 256).init(key)
    assert sum(p.size for p in jax.tree.leaves(params)) == 2 * 32 + 4 * (32 * 32 + 32) + 32 * 256 + 256


def free_matrix(key, nodes=20):
    return {"similarity": jax.random.normal(key, (nodes, nodes))}


def assert_is_a_laplacian(matrix):
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    assert np.linalg.eigvalsh(matrix).min() > -1e-6
    assert (matrix[~np.eye(len(matrix), dtype=bool)] <= 0).all()


def test_air_s_laplacian_is_one_with_degrees_one_on_average(key):
    similar = air(SMALL, 20).adjacency(free_matrix(key))
    assert_is_a_laplacian(np.asarray(laplacian(similar), np.float64))
    assert float(similar.sum(axis=1).mean()) == pytest.approx(1, rel=1e-5)


def test_air_is_the_symmetric_part_of_a_softmin(key):
    params = free_matrix(key, 5)
    weights = np.exp(-np.asarray(params["similarity"], np.float64))
    softmin = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(air(SMALL, 5).adjacency(params), (softmin + softmin.T) / 2, atol=1e-6)


def test_air_has_a_parameter_per_pair_and_starts_with_all_nodes_alike(key):
    params = air(SMALL, 20).init(key)
    assert sum(p.size for p in jax.tree.leaves(params)) == 20**2
    np.testing.assert_allclose(air(SMALL, 20).adjacency(params), 1 / 20, rtol=1e-6)


def test_the_path_s_laplacian_is_one_of_second_differences():
    matrix = np.asarray(laplacian(path(SMALL, 5).adjacency({})))
    assert_is_a_laplacian(matrix)
    np.testing.assert_array_equal(matrix[2], [0, -1, 2, -1, 0])
    np.testing.assert_array_equal(matrix[0], [1, -1, 0, 0, 0])


@pytest.mark.parametrize("name", sorted(LAPLACIANS))
def test_every_graph_gives_energies_and_laplacians_per_axis(key, name):
    built = regularizers.make(RegularizerSettings(name=name, width=8, depth=2, rank=6), (7, 9))
    params = built.init(key)
    assert {term: set(groups) for term, groups in params.items()} == ({} if name == "grid" else {name: {"row", "col"}})
    fibers = (jax.random.uniform(key, (4, 7, 1)), jax.random.uniform(key, (4, 9, 1)))
    energies = built.energies(params, fibers, ())[name]
    assert set(energies) == {"row", "col"}
    for axis, along in zip(("row", "col"), fibers, strict=True):
        matrix = np.asarray(built.laplacians(params)[name][axis], np.float64)
        x = np.asarray(along[..., 0], np.float64).T
        assert float(energies[axis]) == pytest.approx(np.trace(x.T @ matrix @ x) / x.size, rel=1e-4)


def test_the_grid_s_energy_of_a_ramp_is_its_slope_squared():
    built = regularizers.make(RegularizerSettings(name="grid"), (6, 11))
    ramp = 0.03 * jnp.arange(11.0)
    along = jnp.broadcast_to(ramp[None, :, None], (6, 11, 1))
    across = jnp.broadcast_to(ramp[:, None, None], (11, 6, 1))
    energies = built.energies({}, (across, along), ())["grid"]
    assert float(energies["row"]) == pytest.approx(0, abs=1e-9)
    assert float(energies["col"]) == pytest.approx(0.03**2 * 10 / 11, rel=1e-5)


def test_air_s_gradient_against_central_differences_in_float64(double_precision, key):
    with double_precision():
        built = regularizers.make(RegularizerSettings(name="air"), (6, 8))
        keys = jax.random.split(key, 3)
        fibers = tuple(jax.random.uniform(keys[0], (3, n, 2), jnp.float64) for n in (6, 8))
        draws = [
            {axis: {"similarity": jax.random.normal(k, (n, n), jnp.float64)} for axis, n in (("row", 6), ("col", 8))}
            for k in keys[1:]
        ]

        def energy(t):
            moved = jax.tree.map(lambda p, d: p + t * d, *draws)
            return sum(built.energies({"air": moved}, fibers, ())["air"].values())

        central = (energy(1e-6) - energy(-1e-6)) / 2e-6
        assert float(jax.grad(energy)(0.0)) == pytest.approx(float(central), rel=1e-6)
        assert abs(float(central)) > 1e-6
