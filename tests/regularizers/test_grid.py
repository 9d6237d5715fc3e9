import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import regularizers
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.regularizers import grid as grid_term
from inrr_jax.regularizers.laplacian import laplacian


def assert_is_a_laplacian(matrix):
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    assert np.linalg.eigvalsh(matrix).min() > -1e-6
    assert (matrix[~np.eye(len(matrix), dtype=bool)] <= 0).all()


def test_the_path_s_laplacian_is_one_of_second_differences():
    matrix = np.asarray(laplacian(grid_term.graph(5).adjacency({})))
    assert_is_a_laplacian(matrix)
    np.testing.assert_array_equal(matrix[2], [0, -1, 2, -1, 0])
    np.testing.assert_array_equal(matrix[0], [1, -1, 0, 0, 0])


def test_the_grid_s_energy_of_a_ramp_is_its_slope_squared(sample_of, problem_on):
    built = regularizers.build(RegularizerSettings(name="grid").terms, Domain((6, 11), 1))
    ramp = 0.03 * jnp.arange(11.0)
    along = jnp.broadcast_to(ramp[None, :, None], (6, 11, 1))
    across = jnp.broadcast_to(ramp[:, None, None], (11, 6, 1))
    energies = built.energies({}, sample_of(across, along), problem_on(6, 11))["grid"]
    assert float(energies["row"]) == pytest.approx(0, abs=1e-9)
    assert float(energies["col"]) == pytest.approx(0.03**2 * 10 / 11, rel=1e-5)
