"""Low-rank completions on tensors that they must recover, and on matrices whose minimiser is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.baselines.tensors.shrinkage import shrink_singular_values


def tucker(shape, rank, smooth=False):
    """Return a tensor of multilinear rank (rank, rank, rank), with factors that are waves or random."""
    rng = np.random.default_rng(0)
    core = rng.standard_normal((rank,) * 3)
    if smooth:
        factors = [np.cos(2 * np.pi * np.outer(np.arange(n) + 0.5, np.arange(rank)) / n) for n in shape]
    else:
        factors = [rng.standard_normal((n, rank)) for n in shape]
    return np.einsum("abc,ia,jb,kc->ijk", core, *factors)[..., None].astype(np.float32)


def relative_error(name, values, share):
    mask = np.random.default_rng(1).random(values.shape[:-1]) < share
    recovered = TENSORS[name].complete(values, mask, None)
    return np.linalg.norm((recovered - values)[~mask]) / np.linalg.norm(values[~mask])


def test_halrtc_recovers_a_tensor_of_low_multilinear_rank_and_not_one_of_high_rank():
    assert relative_error("halrtc", tucker((20, 21, 22), 2), 0.5) < 2e-3
    assert relative_error("halrtc", tucker((20, 21, 22), 12), 0.5) > 0.1


def test_tctv_recovers_a_smooth_tensor_of_low_rank_where_halrtc_does_not():
    values = tucker((16, 17, 12), 2, smooth=True)
    assert relative_error("tctv", values, 0.15) < 0.05
    assert relative_error("halrtc", values, 0.15) > 0.1


def test_tctv_needs_slices_of_low_rank():
    # Fields with two axes and another time course at each node: only slices with the last axis are of low rank.
    rng, steps = np.random.default_rng(0), np.arange(24)
    courses = np.cos(np.outer(rng.uniform(0.1, 0.4, 2), steps)).astype(np.float32)
    values = np.einsum("ijr,rk->ijk", rng.standard_normal((18, 18, 2)), courses)[..., None].astype(np.float32)
    errors = {name: relative_error(name, values, 0.5) for name in ("tctv", "tctv_12", "tctv_20")}
    assert max(errors["tctv_12"], errors["tctv_20"]) < 0.5 * errors["tctv"]


@pytest.mark.parametrize(("name", "order"), [("tctv_12", (1, 2, 0)), ("tctv_20", (2, 0, 1))])
def test_the_axes_of_the_slices_are_those_of_the_name(name, order):
    values = tucker((9, 10, 8), 2, smooth=True)
    mask = np.random.default_rng(1).random(values.shape[:-1]) < 0.6
    turned = TENSORS["tctv"].complete(np.ascontiguousarray(values.transpose(*order, 3)), mask.transpose(order), None)
    expected = turned.transpose(*np.argsort(order), 3)
    np.testing.assert_allclose(TENSORS[name].complete(values, mask, None), expected, atol=1e-3)


def test_als_recovers_a_smooth_matrix_of_low_rank():
    values = tucker((16, 17, 30), 2, smooth=True)
    assert relative_error("als", values, 0.3) < 0.05 < relative_error("nearest", values, 0.3)


@pytest.mark.parametrize("shape", [(4, 5, 7), (3, 7, 5)])
def test_shrinkage_agrees_with_the_decomposition(shape):
    rng = np.random.default_rng(0)
    matrices = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    left, values, right = np.linalg.svd(matrices, full_matrices=False)
    expected = (left * np.maximum(values - 1.5, 0)[:, None, :]) @ right
    np.testing.assert_allclose(shrink_singular_values(matrices, 1.5), expected, atol=1e-4)
    assert jnp.isfinite(shrink_singular_values(0 * matrices, 1.5)).all()
