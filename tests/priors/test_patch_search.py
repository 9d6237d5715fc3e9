"""The search for similar patches: against an exhaustive one, near borders, on a coarse grid, and for some pixels."""

import numpy as np
import pytest

from inrr_jax.priors import patch_search
from inrr_jax.priors.patch_search import nearest_patches

IMAGE = np.random.default_rng(6).random((39, 37, 2), dtype=np.float32)
SIGMA = 1.5


def exhaustive(image, row, column, radius, sigma=SIGMA):
    """Return the squared distances of one patch to all others in its window, by their row-major indices."""
    height, width, _ = image.shape
    reach = int(3 * sigma + 0.5)
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = np.outer(gaussian, gaussian)[..., None] / gaussian.sum() ** 2

    def distance(down, right):
        """Filter the differences where both pixels exist, mirrored at the border of that part of the picture."""
        here = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
        squared = np.square(image[here].astype(np.float64) - np.roll(image, (-down, -right), (0, 1))[here])
        around = np.pad(squared, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
        i, j = row - here[0].start, column - here[1].start
        return (weights * around[i : i + 2 * reach + 1, j : j + 2 * reach + 1]).sum()

    rows = range(max(0, row - radius), min(height, row + radius + 1))
    columns = range(max(0, column - radius), min(width, column + radius + 1))
    others = [(i, j) for i in rows for j in columns if (i, j) != (row, column)]
    return {i * width + j: distance(i - row, j - column) for i, j in others}


@pytest.mark.parametrize(
    ("place", "radius"), [((20, 19), 10), ((0, 0), 10), ((38, 5), 10), ((17, 36), 4), ((20, 19), 13)]
)
def test_the_nearest_patches_are_those_of_an_exhaustive_search(place, radius):
    expected = exhaustive(IMAGE, *place, radius)
    nearest = sorted(expected, key=expected.get)[:12]
    ids, distances = nearest_patches(IMAGE, 12, SIGMA, radius=radius)
    assert ids.shape == distances.shape == (12, 39 * 37)
    pixel = place[0] * 37 + place[1]
    assert set(ids[:, pixel].tolist()) == set(nearest)
    np.testing.assert_allclose(distances[:, pixel], [expected[i] for i in ids[:, pixel]], rtol=3e-4)
    assert (np.diff(distances, axis=0) >= 0).all()


def test_some_pixels_have_the_neighbours_of_the_whole_search():
    ids, distances = (found.reshape(5, 39, 37) for found in nearest_patches(IMAGE, 5, SIGMA))
    where = np.zeros((39, 37), bool)
    where[3:30:7, 20:] = True
    for found, every in zip(nearest_patches(IMAGE, 5, SIGMA, where=where), (ids, distances), strict=True):
        np.testing.assert_allclose(found, every[:, where], rtol=1e-6)


def test_only_blocks_with_wanted_pixels_are_searched(monkeypatch):
    visited, search = [], patch_search._search
    monkeypatch.setattr(
        patch_search,
        "_search",
        lambda blocks, corners, *a, **k: visited.append(corners) or search(blocks, corners, *a, **k),
    )
    where = np.zeros((39, 37), bool)
    where[33, 36] = where[34, 33] = True
    ids, _ = nearest_patches(IMAGE, 5, SIGMA, where=where)
    assert ids.shape == (5, 2)
    np.testing.assert_array_equal(np.unique(np.concatenate(visited), axis=0), [[7, 5]])


@pytest.mark.parametrize("shape", [(100, 70), (33, 64), (9, 40)])
def test_blocks_cover_all_wanted_pixels_and_do_not_exceed_the_picture(shape):
    wanted, side = np.random.default_rng(1).random(shape) < 0.02, patch_search.SIDE
    corners, covered = patch_search._corners(wanted), np.zeros(shape, bool)
    for row, column in corners:
        covered[row : row + side, column : column + side] = True
    assert covered[wanted].all()
    assert (corners >= 0).all()
    assert (corners + side <= np.maximum(shape, side)).all()
    tiles = [-(-length // side) for length in shape]
    assert len(patch_search._corners(np.ones(shape, bool))) == tiles[0] * tiles[1]


@pytest.mark.parametrize(("shape", "count"), [((1, 9, 1), 8), ((2, 3, 1), 5), ((40, 2, 3), 12), ((5, 5, 1), 12)])
def test_small_pictures_have_as_many_neighbours_as_there_are(shape, count):
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    ids, distances = nearest_patches(image, 12, SIGMA)
    assert ids.shape == (count, shape[0] * shape[1])
    assert np.isfinite(distances).all()
    assert all(len({own, *column}) == count + 1 for own, column in enumerate(ids.T.tolist()))
    assert 0 <= ids.min() <= ids.max() < shape[0] * shape[1]
