"""The harmonic fill against its equation, and the transform's fill against the one it approximates."""

import numpy as np

from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.baselines.tensors.harmonic import minimize_gradient


def test_harmonic_solves_the_weighted_laplace_equation():
    rng = np.random.default_rng(0)
    values, mask = rng.random((6, 7, 5, 2), dtype=np.float32), rng.random((6, 7, 5)) < 0.3
    weight = np.array([1, 0.2, 0.5], np.float32)
    u = np.asarray(minimize_gradient(values, mask, weight))
    flow = np.zeros_like(u)
    for i in np.ndindex(mask.shape):
        for axis in range(3):
            for step in (-1, 1):
                j = list(i)
                j[axis] += step
                if 0 <= j[axis] < mask.shape[axis]:
                    flow[i] += weight[axis] * (u[i] - u[tuple(j)])
    assert abs(flow[~mask]).max() < 1e-3
    assert abs(flow[mask]).max() > 0.1


def test_spacing_makes_distant_neighbours_count_less():
    values, mask = np.zeros((3, 3, 1), np.float32), np.ones((3, 3), bool)
    values[:, [0, 2]], mask[1, 1] = 1, False  # the row neighbours of the missing entry are 1, the others are 0
    for name in ("harmonic", "dct_pls"):
        wide = TENSORS[name].complete(values, mask, (1.0, 4.0))[1, 1, 0]
        tall = TENSORS[name].complete(values, mask, (4.0, 1.0))[1, 1, 0]
        assert wide < 0.3
        assert tall > 0.7
    assert abs(TENSORS["harmonic"].complete(values, mask, (1.0, 2.0))[1, 1, 0] - 0.2) < 1e-4


def test_the_transform_continues_a_plane_and_harmonic_does_not():
    grid = np.meshgrid(*[np.arange(8)] * 3, indexing="ij")
    plane = (grid[0] + 2 * grid[1] - grid[2])[..., None].astype(np.float32)
    mask = np.random.default_rng(0).random((8, 8, 8)) < 0.5
    errors = [abs(TENSORS[n].complete(plane, mask, None) - plane).max() for n in ("dct_pls", "harmonic")]
    assert errors[0] < errors[1]
