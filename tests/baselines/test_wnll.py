"""The weighted nonlocal Laplacian against a dense solver and against its energy, and its affinities."""

import numpy as np
from scipy.sparse import csr_array

from inrr_jax.baselines.diffusion import minimize_dirichlet
from inrr_jax.baselines.wnll import minimize_wnll, patch_affinity


def small_graph():
    """Return a random affinity matrix of twelve nodes, random values, and a mask with five observed nodes."""
    rng = np.random.default_rng(4)
    affinity = np.triu(rng.random((12, 12)) * (rng.random((12, 12)) < 0.6), 1)
    return affinity + affinity.T, rng.random((12, 2)), np.arange(12) % 5 < 2


def wnll_energy(u, affinity, observed):
    """Compute the energy that the docstring of `minimize_wnll` states, with a loop over the edges."""
    mu, energy = observed.size / observed.sum(), 0
    for i in range(12):
        for j in range(i):
            weight = mu if observed[i] != observed[j] else 1
            energy += weight * affinity[i, j] * ((u[i] - u[j]) ** 2).sum()
    return energy


def test_wnll_equals_a_dense_solve_and_the_unweighted_laplacian_does_not():
    affinity, values, observed = small_graph()
    u = minimize_wnll(csr_array(affinity[~observed]), values, observed)
    mu = observed.size / observed.sum()
    weights = affinity * np.where(observed[:, None] != observed[None], mu, 1)
    dense = np.diag(weights.sum(1)) - weights
    missing = ~observed
    expected = np.linalg.solve(dense[missing][:, missing], -dense[missing][:, observed] @ values[observed])
    np.testing.assert_allclose(u[missing], expected)
    np.testing.assert_array_equal(u[observed], values[observed])
    unweighted = minimize_dirichlet(csr_array(affinity[~observed]), values, observed)
    assert abs(unweighted[missing] - expected).max() > 1e-2


def test_wnll_is_the_minimum_of_its_energy():
    affinity, values, observed = small_graph()
    u = minimize_wnll(csr_array(affinity[~observed]), values, observed)
    rng = np.random.default_rng(5)
    for _ in range(10):
        nudged = u + 1e-2 * rng.standard_normal(u.shape) * ~observed[:, None]
        assert wnll_energy(nudged, affinity, observed) > wnll_energy(u, affinity, observed)


def test_patch_affinity_is_symmetric_without_loops_and_within_one(picture):
    image, mask = picture(13, 9)
    affinity = patch_affinity(image, np.zeros((13, 9), bool))
    assert abs(affinity - affinity.T).max() == 0
    assert affinity.diagonal().max() == 0
    assert 0 < affinity.data.min() <= affinity.data.max() <= 1
    np.testing.assert_allclose(patch_affinity(image, mask).toarray(), affinity[~mask.ravel()].toarray(), rtol=1e-6)
