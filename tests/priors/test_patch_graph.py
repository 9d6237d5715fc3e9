"""The graph of patches: its neighbours, its weights, its Laplacian, and the interpolation of observed values."""

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.patch_fill import locally_linear
from inrr_jax.priors import patch_graph

RNG = np.random.default_rng(0)
IMAGE = RNG.random((13, 11, 2), dtype=np.float32)
MASK = RNG.random((13, 11)) < 0.6
NOTHING = np.zeros((64, 64), bool)  # a mask of the largest picture here, with nothing observed


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
    entries = patch_graph.residual_rows(image, NOTHING[:30, :32], sigma)[[centre]].tocoo()
    is_own = entries.coords[1] == centre
    assert entries.data[is_own] == 1
    joined, weights_found, own = entries.coords[1][~is_own], -entries.data[~is_own], patch(centre)
    distances = [(weights * (patch(j) - own) ** 2).sum() for j in joined]
    ridge = patch_graph.RIDGE * np.mean(distances) + patch_graph.MIN_SQUARED_DISTANCE

    def misfit(w):
        rebuilt = sum(x * patch(j) for x, j in zip(w, joined, strict=True))
        return (weights * (own - rebuilt) ** 2).sum() + ridge * (w**2).sum()

    least = misfit(weights_found)
    for _ in range(20):
        nudge = RNG.standard_normal(joined.size)
        assert misfit(weights_found + 1e-2 * (nudge - nudge.mean())) > least  # the weights still sum to one


@pytest.mark.parametrize("shape", [(13, 11, 1), (12, 17, 3), (5, 4, 1), (1, 9, 1), (7, 1, 2)])
def test_the_energy_is_that_of_a_connected_graph(shape):
    rows = patch_graph.residual_rows(RNG.random(shape, dtype=np.float32), NOTHING[: shape[0], : shape[1]]).toarray()
    np.testing.assert_allclose(rows.sum(1), 0, atol=1e-12)
    assert np.linalg.eigvalsh(rows.T @ rows)[1] > 1e-6  # only constants have the energy zero


def test_the_energy_has_the_parts_of_the_formula():
    rows = patch_graph.residual_rows(IMAGE, NOTHING[:13, :11])
    residuals, edges = rows[:143], rows[143:]
    weights = np.eye(143) - residuals.toarray()
    assert (np.count_nonzero(weights, axis=1) == patch_graph.NEIGHBORS).all()
    np.testing.assert_array_equal(np.diag(weights), 0)
    u = RNG.random((13, 11))
    steps = np.square(np.diff(u, axis=0)).sum() + np.square(np.diff(u, axis=1)).sum()
    assert np.square(edges @ u.ravel()).sum() == pytest.approx(patch_graph.GRID_WEIGHT * steps)


def test_only_rows_with_a_missing_pixel_nearby_are_computed_and_they_are_the_same():
    image, mask = np.random.default_rng(3).random((48, 40, 1), dtype=np.float32), ~NOTHING[:48, :40]
    mask[20:22, 30] = False
    every, some = patch_graph.residual_rows(image, NOTHING[:48, :40]), patch_graph.residual_rows(image, mask)
    near = np.ones(every.shape[0], bool)  # edges of the grid are
    near[: mask.size] = maximum_filter(~mask, 2 * patch_graph.NEAR + 1).ravel()
    involved = every[near & (abs(every[:, ~mask.ravel()]).sum(1) > 0)]
    assert 2 < len(involved.indptr) - 1 < 200
    np.testing.assert_allclose(some.toarray(), involved.toarray(), atol=1e-6)


def dense_solution(matrix, image, mask):
    missing, values = ~mask.ravel(), image.reshape(-1, image.shape[-1]).astype(np.float64)
    return np.linalg.solve(matrix[missing][:, missing], -matrix[missing][:, ~missing] @ values[~missing])


def test_interpolation_equals_a_dense_solve_and_another_energy_does_not():
    rows = patch_graph.residual_rows(IMAGE, MASK)
    interpolated = patch_graph.interpolate(rows, IMAGE, MASK, np.full_like(IMAGE, 0.5))
    whole = patch_graph.residual_rows(IMAGE, NOTHING[:13, :11]).toarray()
    expected = dense_solution(whole.T @ whole, IMAGE, MASK)
    np.testing.assert_allclose(interpolated[~MASK], expected, atol=1e-3)
    np.testing.assert_array_equal(interpolated[MASK], IMAGE[MASK])
    edges = whole[143:]
    assert abs(dense_solution(edges.T @ edges, IMAGE, MASK) - expected).max() > 1e-2


def test_interpolation_commutes_with_affine_maps():
    rows = patch_graph.residual_rows(IMAGE, MASK)
    once = patch_graph.interpolate(rows, IMAGE, MASK, IMAGE)
    mapped = patch_graph.interpolate(rows, 3 * IMAGE - 1, MASK, 3 * IMAGE - 1)
    np.testing.assert_allclose(mapped, 3 * once - 1, atol=3e-3)


def test_a_repeated_texture_is_recovered_better_than_by_the_harmonic_fill():
    rows, columns = np.mgrid[:48, :48]
    image = (0.5 + 0.4 * np.sin(rows * 0.9) * np.sin(columns * 1.1))[..., None].astype(np.float32)
    mask = np.random.default_rng(8).random((48, 48)) < 0.4
    patches, smooth = (metrics.psnr(fill(image, mask), image, ~mask) for fill in (locally_linear, harmonic))
    assert patches > smooth + 5


def test_grid_affinity_joins_only_neighbours_and_has_the_rows_of_missing_pixels():
    expected = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]])
    np.testing.assert_array_equal(patch_graph.grid_affinity(NOTHING[:2, :2]).toarray(), expected)
    mask = np.array([[True, False], [True, True]])
    np.testing.assert_array_equal(patch_graph.grid_affinity(mask).toarray(), expected[[1]])
