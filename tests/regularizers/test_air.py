import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import regularizers
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings, air
from inrr_jax.regularizers.laplacian import laplacian


def free_matrix(key, nodes=20):
    return {"similarity": jax.random.normal(key, (nodes, nodes))}


def assert_is_a_laplacian(matrix):
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    assert np.linalg.eigvalsh(matrix).min() > -1e-6
    assert (matrix[~np.eye(len(matrix), dtype=bool)] <= 0).all()


def test_air_s_laplacian_is_one_with_degrees_one_on_average(key):
    similar = air.graph(20).adjacency(free_matrix(key))
    assert_is_a_laplacian(np.asarray(laplacian(similar), np.float64))
    assert float(similar.sum(axis=1).mean()) == pytest.approx(1, rel=1e-5)


def test_air_is_the_symmetric_part_of_a_softmin(key):
    params = free_matrix(key, 5)
    weights = np.exp(-np.asarray(params["similarity"], np.float64))
    softmin = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(air.graph(5).adjacency(params), (softmin + softmin.T) / 2, atol=1e-6)


def test_air_has_a_parameter_per_pair_and_starts_with_all_nodes_alike(key):
    params = air.graph(20).init(key)
    assert sum(p.size for p in jax.tree.leaves(params)) == 20**2
    np.testing.assert_allclose(air.graph(20).adjacency(params), 1 / 20, rtol=1e-6)


def test_air_s_gradient_against_central_differences_in_float64(double_precision, key, sample_of, problem_on):
    with double_precision():
        built = regularizers.build(RegularizerSettings(name="air").terms, Domain((6, 8), 2))
        problem = problem_on(6, 8, channels=2)
        keys = jax.random.split(key, 3)
        fibers = tuple(jax.random.uniform(keys[0], (3, n, 2), jnp.float64) for n in (6, 8))
        draws = [
            {axis: {"similarity": jax.random.normal(k, (n, n), jnp.float64)} for axis, n in (("row", 6), ("col", 8))}
            for k in keys[1:]
        ]

        def energy(t):
            moved = jax.tree.map(lambda p, d: p + t * d, *draws)
            return sum(built.energies({"air": moved}, sample_of(*fibers), problem)["air"].values())

        found = jax.jit(jax.value_and_grad(energy))
        central = (found(1e-6)[0] - found(-1e-6)[0]) / 2e-6
        assert float(found(0.0)[1]) == pytest.approx(float(central), rel=1e-6)
        assert abs(float(central)) > 1e-6
