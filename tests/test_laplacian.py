import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.regularizers.laplacian import adjacency, inrr, laplacian
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
