"""The graph of patches: its neighbours, its weights, its Laplacian, and the interpolation of observed values."""

import numpy as np
import pytest
from scipy.sparse import csgraph, csr_array

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.patch_fill import locally_linear
from inrr_jax.priors import patch_graph

RNG = np.random.default_rng(0)
IMAGE = RNG.random((13, 11, 2), dtype=np.float32)
MASK = RNG.random((13, 11)) < 0.6


def test_nearest_patches_equal_an_exhaustive_search():
    image = np.random.default_rng(6).random((44, 46, 2))
    offsets = np.arange(-9, 10)
    gaussian = np.exp(-0.5 * (offsets / patch_graph.SIGMA) ** 2)
    weights = np.outer(gaussian, gaussian)[..., None] / gaussian.sum() ** 2

    def patch(row, column):
        return image[row - 9 : row + 10, column - 9 : column + 10]

    shifts = [(i, j) for i in range(12, 33) for j in range(13, 34) if (i, j) != (22, 23)]
    distances = np.array([(weights * (patch(i, j) - patch(22, 23)) ** 2).sum() for i, j in shifts])
    nearest = np.argsort(distances)[: patch_graph.NEIGHBORS]
    ids, found = patch_graph.nearest_patches(image)
    assert set(ids[:, 22 * 46 + 23].tolist()) == {shifts[n][0] * 46 + shifts[n][1] for n in nearest}
    np.testing.assert_allclose(np.sort(found[:, 22 * 46 + 23]), distances[nearest], rtol=1e-4)


@pytest.mark.parametrize(("sigma", "reach"), [(patch_graph.SIGMA, 5), (patch_graph.FINE_SIGMA, 3)])
def test_reconstruction_weights_minimise_least_squares_with_a_ridge(sigma, reach):
    image = np.random.default_rng(7).random((30, 32, 2)).astype(np.float32)
    row, column = 14, 15
    offsets = np.arange(-reach, reach + 1)
    gaussian = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights = (np.outer(gaussian, gaussian) / gaussian.sum() ** 2)[..., None]

    def patch(index):
        i, j = divmod(index, 32)
        around = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
        return around[i : i + 2 * reach + 1, j : j + 2 * reach + 1].astype(np.float64)

    centre = row * 32 + column
    found = patch_graph.reconstruction_weights(image, sigma)[[centre]].tocoo()
    joined, own = found.coords[1], patch(centre)
    distances = [(weights * (patch(j) - own) ** 2).sum() for j in joined]
    ridge = patch_graph.RIDGE * np.mean(distances) + patch_graph.MIN_SQUARED_DISTANCE

    def misfit(w):
        rebuilt = sum(x * patch(j) for x, j in zip(w, joined, strict=True))
        return (weights * (own - rebuilt) ** 2).sum() + ridge * (w**2).sum()

    least = misfit(found.data)
    for _ in range(20):
        nudge = RNG.standard_normal(found.data.size)
        assert misfit(found.data + 1e-2 * (nudge - nudge.mean())) > least  # the weights still sum to one


@pytest.mark.parametrize("shape", [(13, 11, 1), (12, 17, 3), (5, 4, 1), (1, 9, 1), (7, 1, 2)])
def test_laplacian_is_symmetric_and_semidefinite_with_rows_that_sum_to_zero(shape):
    matrix = patch_graph.laplacian(RNG.random(shape, dtype=np.float32)).toarray()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    np.testing.assert_allclose(matrix.sum(1), 0, atol=1e-10)
    assert np.linalg.eigvalsh(matrix)[0] > -1e-10
    assert np.linalg.eigvalsh(matrix)[1] > 1e-6  # the graph is connected: only constants have the energy zero


def test_interpolation_equals_a_dense_solve_and_another_laplacian_does_not():
    matrix = patch_graph.laplacian(IMAGE)
    interpolated = patch_graph.interpolate(matrix, IMAGE, MASK, np.full_like(IMAGE, 0.5))
    missing, dense = ~MASK.ravel(), matrix.toarray()
    values = IMAGE.reshape(-1, 2).astype(np.float64)
    expected = np.linalg.solve(dense[missing][:, missing], -dense[missing][:, ~missing] @ values[~missing])
    np.testing.assert_allclose(interpolated.reshape(-1, 2)[missing], expected, atol=1e-3)
    np.testing.assert_array_equal(interpolated[MASK], IMAGE[MASK])
    wrong = patch_graph.interpolate(csgraph.laplacian(patch_graph.grid_affinity((13, 11))), IMAGE, MASK, IMAGE)
    assert abs(wrong.reshape(-1, 2)[missing] - expected).max() > 1e-2


def test_interpolation_commutes_with_affine_maps():
    matrix = patch_graph.laplacian(IMAGE)
    once = patch_graph.interpolate(matrix, IMAGE, MASK, IMAGE)
    mapped = patch_graph.interpolate(matrix, 3 * IMAGE - 1, MASK, 3 * IMAGE - 1)
    np.testing.assert_allclose(mapped, 3 * once - 1, atol=3e-3)


def test_a_repeated_texture_is_recovered_better_than_by_the_harmonic_fill():
    rows, columns = np.mgrid[:48, :48]
    image = (0.5 + 0.4 * np.sin(rows * 0.9) * np.sin(columns * 1.1))[..., None].astype(np.float32)
    mask = np.random.default_rng(8).random((48, 48)) < 0.4
    patches, smooth = (metrics.psnr(fill(image, mask), image, ~mask) for fill in (locally_linear, harmonic))
    assert patches > smooth + 5


def test_grid_affinity_joins_only_neighbours():
    expected = csr_array(np.array([[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]))
    assert abs(patch_graph.grid_affinity((2, 2)) - expected).max() == 0
