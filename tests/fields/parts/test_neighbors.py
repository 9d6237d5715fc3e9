import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids
from inrr_jax.fields.parts.neighbors import lines, patch

GRID = (6, 7)


def picture(channels=1, grid=GRID):
    return np.random.default_rng(0).random((*grid, channels)).astype(np.float32)


def pixels(grid=GRID):
    return tuple(jnp.asarray(index.ravel()) for index in np.indices(grid))


@pytest.mark.parametrize("channels", [1, 3])
def test_values_on_the_lines_equal_a_plain_loop(channels):
    estimate = picture(channels)
    found = np.asarray(lines(jnp.asarray(estimate), pixels(), reach=2))
    height, width = GRID
    assert found.shape == (height * width, (height + width) * channels)
    for place, (i, j) in enumerate(np.ndindex(GRID)):
        column = [estimate[k, j, c] / (height * channels) for k in range(height) for c in range(channels)]
        row = [estimate[i, k, c] / (width * channels) for k in range(width) for c in range(channels)]
        np.testing.assert_allclose(found[place], column + row, rtol=1e-6)


@pytest.mark.parametrize(("grid", "channels", "reach"), [(GRID, 1, 1), (GRID, 3, 2), ((2, 3), 1, 4), ((3, 2, 4), 2, 1)])
def test_values_in_the_patch_equal_a_plain_loop_and_the_border_goes_on(grid, channels, reach):
    estimate = picture(channels, grid)
    found = np.asarray(patch(jnp.asarray(estimate), pixels(grid), reach))
    padded = np.pad(estimate, [(reach, reach)] * len(grid) + [(0, 0)], mode="edge")
    for place, corner in enumerate(np.ndindex(grid)):
        around = padded[tuple(slice(start, start + 2 * reach + 1) for start in corner)]
        np.testing.assert_allclose(found[place], around.ravel() / around.size, rtol=1e-6)


@pytest.mark.parametrize("grid", [(5, 9), (1, 4), (255, 256), (3, 4, 5)])
def test_the_nearest_pixel_is_the_one_whose_coordinates_they_are(grid):
    points = np.stack(np.meshgrid(*grids.axes(grid), indexing="ij"), axis=-1).reshape(-1, len(grid))
    half = 0.49 * 2 / (max(grid) - 1)  # of the way to the next pixel
    for shift in (0.0, half, -half):
        found = grids.nearest(jnp.asarray(points + np.float32(shift)), grid)
        np.testing.assert_array_equal(found, np.indices(grid).reshape(len(grid), -1))
