import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.problem import Domain
from inrr_jax.regularizers import inrr
from inrr_jax.regularizers.laplacian import adjacency, laplacian

SMALL = inrr.Config(width=16, depth=3, rank=24)


def graph(key, nodes=40, config=SMALL):
    """Return the factor G of a graph at its initial parameters."""
    return config.factor(config.graph(nodes).init(key), nodes)


@pytest.mark.parametrize("nodes", [24, 40])
def test_the_learned_laplacian_is_one(key, nodes):
    matrix = np.asarray(laplacian(adjacency(graph(key, nodes))), np.float64)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    assert np.linalg.eigvalsh(matrix).min() > -1e-6
    assert (matrix[~np.eye(nodes, dtype=bool)] <= 0).all()


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
    params = inrr.Config().graph(256).init(key)
    assert sum(p.size for p in jax.tree.leaves(params)) == 2 * 32 + 4 * (32 * 32 + 32) + 32 * 256 + 256


def test_the_energy_uses_the_factor_of_the_adjacency(key):
    built = SMALL.graph(30)
    params, fibers = built.init(key), jax.random.uniform(key, (4, 30, 2))
    matrix = np.asarray(laplacian(built.adjacency(params)), np.float64)
    x = np.asarray(fibers, np.float64).transpose(1, 0, 2).reshape(30, -1)
    assert float(built.energy(params, fibers)) == pytest.approx(np.trace(x.T @ matrix @ x) / x.size, rel=1e-4)
    np.testing.assert_allclose(built.adjacency(params), adjacency(SMALL.factor(params, 30)), rtol=1e-6)


def test_omega_sets_how_fast_the_graph_varies_and_each_axis_has_its_own_parameters(key):
    slow, fast = (inrr.Config(width=16, depth=3, rank=24, omega=omega) for omega in (1.0, 20.0))
    steps = [float(jnp.abs(jnp.diff(graph(key, 100, config), axis=0)).sum(axis=1).mean()) for config in (slow, fast)]
    assert steps[1] > 3 * steps[0]
    params = SMALL.build(Domain((9, 9), 1)).init(key)
    assert set(params) == {"row", "col"}
    assert not np.array_equal(params["row"]["first"]["kernel"], params["col"]["first"]["kernel"])
