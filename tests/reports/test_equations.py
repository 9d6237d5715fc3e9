"""Scores of the reports of differential equations."""

import numpy as np
import pytest

from inrr_jax.data.shapes import Cloud
from inrr_jax.reports.base import relative_error
from inrr_jax.reports.equations import poisson, sdf

GRID = np.stack(np.meshgrid(*[np.linspace(-1, 1, 41)] * 3, indexing="ij"), axis=-1)


def ball(radius):
    return (np.linalg.norm(GRID, axis=-1) - radius)[..., None].astype(np.float32)


def test_the_best_constant_is_added_to_every_channel():
    truth = np.random.default_rng(0).random((5, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(poisson.shift(truth + np.array([3.0, -1.0]), truth), truth, atol=1e-6)


def test_relative_errors_ignore_unknown_entries():
    truth = np.array([3.0, 4.0, np.nan])[:, None]
    assert relative_error(np.array([3.0, 5.0, 9.0])[:, None], truth) == pytest.approx(0.2)


def test_the_chamfer_distance_of_two_spheres_is_the_difference_of_their_radii():
    vertices = [sdf.surface(ball(radius))[0] for radius in (0.5, 0.6)]
    assert np.linalg.norm(vertices[0], axis=1) == pytest.approx(np.full(len(vertices[0]), 0.5), abs=2e-3)
    assert sdf.chamfer(*vertices) == pytest.approx(0.1, rel=0.05)
    assert sdf.chamfer(vertices[0], vertices[0]) == 0


def test_surfaces_in_two_dimensions_and_without_a_sign():
    circle = ball(0.5)[:, :, 20]
    vertices, _ = sdf.surface(circle)
    assert np.linalg.norm(vertices, axis=1) == pytest.approx(np.full(len(vertices), 0.5), abs=5e-3)
    assert len(sdf.surface(ball(-0.1))[0]) == 0


def test_the_signed_distance_to_the_nearest_point():
    directions = np.random.default_rng(0).normal(size=(5000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    found = sdf.nearest(Cloud(0.6 * directions, directions), GRID.reshape(-1, 3), GRID.shape[:3])
    errors = np.abs(found - ball(0.6))
    assert errors.mean() < 0.002
    assert np.sign(found[20, 20, 20, 0]) == -1
