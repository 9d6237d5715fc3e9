import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import regularizers
from inrr_jax.errors import UserError
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


@pytest.mark.parametrize("name", ["air", "grid", "inrr"])
def test_on_factors_the_energy_is_that_of_their_columns_and_does_not_see_their_scale(key, name, sample_of, problem_on):
    settings = RegularizerSettings(name=name, inrr=inrr.Config(width=8, depth=2, rank=6))
    settings = dataclasses.replace(settings, **{name: dataclasses.replace(getattr(settings, name), acts_on="factors")})
    built = regularizers.build(settings.terms, Domain((7, 9), 1))
    assert not built.on_fibers
    params = built.init(key)
    rows, columns = jax.random.normal(key, (1, 7, 3)), jax.random.normal(key, (1, 9, 5))
    sample = sample_of()._replace(factors=(rows, 20 * columns))
    energies = built.energies(params, sample, problem_on(7, 9))[name]
    for axis, factor in zip(("row", "col"), (rows, columns), strict=True):
        matrix, u = np.asarray(built.laplacians(params)[name][axis], np.float64), np.asarray(factor[0], np.float64)
        # A Rayleigh quotient: the mean form of both sums has the same number of entries.
        expected = np.trace(u.T @ matrix @ u) / np.trace(u.T @ u)
        assert float(energies[axis]) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(UserError, match=rf"regularizer.{name}.acts_on=factors: the field has none: use") as caught:
        built.energies(params, sample_of(rows, columns), problem_on(7, 9))
    assert "\n" not in str(caught.value)
