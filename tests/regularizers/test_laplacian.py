import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import regularizers
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.regularizers.laplacian import adjacency, laplacian


def test_a_matrix_with_negative_similarities_is_no_laplacian():
    bad = jnp.array([[0.0, -1.0], [-1.0, 0.0]])
    assert np.linalg.eigvalsh(laplacian(bad)).min() < -1


def test_self_loops_cancel(key):
    similar = adjacency(jax.nn.softmax(jax.random.normal(key, (40, 24)), axis=-1))
    without = similar - jnp.diag(jnp.diag(similar))
    np.testing.assert_allclose(laplacian(similar), laplacian(without), atol=1e-6)


@pytest.mark.parametrize("name", ["air", "grid", "inrr"])
def test_every_graph_gives_energies_and_laplacians_per_axis(key, name, sample_of, problem_on):
    settings = RegularizerSettings(name=name, inrr=inrr.Config(width=8, depth=2, rank=6))
    built = regularizers.build(settings.terms, Domain((7, 9), 1))
    params = built.init(key)
    assert {term: set(groups) for term, groups in params.items()} == ({} if name == "grid" else {name: {"row", "col"}})
    fibers = (jax.random.uniform(key, (4, 7, 1)), jax.random.uniform(key, (4, 9, 1)))
    energies = built.energies(params, sample_of(*fibers), problem_on(7, 9))[name]
    assert set(energies) == {"row", "col"}
    for axis, along in zip(("row", "col"), fibers, strict=True):
        matrix = np.asarray(built.laplacians(params)[name][axis], np.float64)
        x = np.asarray(along[..., 0], np.float64).T
        assert float(energies[axis]) == pytest.approx(np.trace(x.T @ matrix @ x) / x.size, rel=1e-4)


@pytest.mark.parametrize(("nodes", "rank"), [(5, 5), (12, 7)])
def test_the_adjacency_is_the_scaled_product_of_its_factor(key, nodes, rank):
    factor = jax.random.uniform(key, (nodes, rank))
    expected = np.asarray(factor, np.float64) @ np.asarray(factor, np.float64).T * rank / nodes
    np.testing.assert_allclose(adjacency(factor), expected, rtol=1e-5)
