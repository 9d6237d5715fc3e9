"""Tests of inrr_jax.grids."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids


@pytest.mark.parametrize("shape", [(8,), (5, 9), (200, 320), (4, 7, 3), (1, 6)])
def test_axes_are_square_and_centred(shape):
    coordinates = grids.axes(shape)
    assert tuple(map(len, coordinates)) == shape
    spacing = 2 / (max(shape) - 1)
    for axis in coordinates:
        assert axis.dtype == np.float32
        np.testing.assert_allclose(np.diff(axis), spacing, rtol=1e-4)
        np.testing.assert_allclose(axis, -axis[::-1], atol=1e-7)
    np.testing.assert_allclose(coordinates[np.argmax(shape)], np.linspace(-1, 1, max(shape)), atol=1e-6)


def test_axes_of_one_pixel_are_zero():
    assert grids.axes((1, 1))[0].tolist() == [0]
    assert grids.axes((1, 3))[0].tolist() == [0]


def test_axes_follow_the_spacing():
    rows, columns = grids.axes((3, 5), (4.0, 1.0))
    np.testing.assert_allclose(rows, [-1, 0, 1])
    np.testing.assert_allclose(columns, [-0.5, -0.25, 0, 0.25, 0.5])


@pytest.mark.parametrize("spacing", [None, (1.0, 0.5, 3.0)])
def test_places_and_nearest_nodes_invert_the_axes(spacing):
    shape = (4, 7, 3)
    points = grids.all_points(tuple(map(jnp.asarray, grids.axes(shape, spacing))))
    index = np.stack(np.unravel_index(np.arange(84), shape), axis=-1)
    np.testing.assert_allclose(grids.places(points, shape, spacing), index, atol=1e-5)
    moved = points + 0.4 * jnp.asarray(grids.steps(shape, spacing), jnp.float32)[None, :]
    np.testing.assert_array_equal(np.stack(grids.nearest(moved, shape, spacing), axis=-1), index)


@pytest.mark.parametrize("shape", [(5,), (4, 6), (3, 1, 4)])
def test_interpolants_are_exact_for_products_of_linear_functions_and_at_nodes(shape):
    rng = np.random.default_rng(0)
    slopes, offsets = rng.normal(size=(2, len(shape), 2))
    nodes = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).astype(np.float32)
    inside = rng.uniform(0, np.array(shape) - 1, (20, len(shape))).astype(np.float32)

    def multilinear(places):
        return np.prod(slopes * places[..., None] + offsets, axis=-2).astype(np.float32)

    values = jnp.asarray(multilinear(nodes))
    for places in (inside, nodes.reshape(-1, len(shape))):
        np.testing.assert_allclose(grids.interpolate(values, jnp.asarray(places)), multilinear(places), atol=1e-4)


def test_points_outside_a_grid_get_the_value_of_its_border():
    values = jnp.asarray([[1.0, 2.0], [3.0, 5.0], [4.0, 7.0]])[..., None]
    found = grids.interpolate(values, jnp.array([[-3.0, 0.5], [2.7, 1.9], [0.5, -1.0]]))
    np.testing.assert_allclose(found[:, 0], [1.5, 7.0, 2.0], atol=1e-6)


def test_the_main_slice_has_the_axes_most_alike_and_missing_entries():
    mask = np.ones((40, 12, 11), bool)
    mask[4:7] = False
    assert grids.focus(mask)[0] == 6
    assert grids.planes((145, 145, 200))[0] == (0, 1)
    assert grids.planes((60, 144, 176))[0] == (1, 2)
    assert grids.main_slice(mask) == (6, slice(None), slice(None))
    assert grids.main_slice(np.zeros((9, 12, 2, 3), bool)) == (slice(None), slice(None), 1, 1)
    assert grids.main_slice(mask[0, 0]) == (slice(None),)
