"""Patch groups: the search against a comparison of all patches, and patches that return to their places."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.priors import patch_groups
from inrr_jax.priors.patch_groups import Geometry, Groups

RNG = np.random.default_rng(0)
SMALL = Geometry(side=3, spacing=2, radius=4, members=5)


@pytest.mark.parametrize("size", [3, 4, 9, 10, 11])
def test_patches_on_the_coarse_grid_cover_an_axis_to_its_end(size):
    first = patch_groups.first_pixels(size, 3, 2)
    assert first[0] == 0
    assert first[-1] == size - 3
    assert set(np.diff(first)) <= {1, 2}


def references(shape):
    """Return the first pixels of the reference patches."""
    rows, columns = (patch_groups.first_pixels(n, 3, 2) for n in shape[:2])
    return [(row, column) for row in rows for column in columns]


@pytest.mark.parametrize(("shape", "block"), [((13, 12, 2), 8), ((13, 12, 2), 2), ((8, 3, 1), 3), ((19, 40, 1), 8)])
def test_members_are_the_nearest_patches_of_the_window(shape, block, monkeypatch):
    monkeypatch.setattr(patch_groups, "BLOCK", block)
    patch_groups.find.clear_cache()
    image = RNG.random(shape, dtype=np.float32)
    found, count = patch_groups.find(jnp.asarray(image), SMALL)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(0, 1))
    places = np.argwhere(np.ones(windows.shape[:2], bool))
    assert count == len(references(shape))
    assert found.shape == (count, SMALL.size(shape))
    for (row, column), members in zip(references(shape), np.asarray(found), strict=True):
        near = places[np.abs(places - [row, column]).max(1) <= 4]
        squares = np.square(windows[tuple(near.T)] - windows[row, column]).sum((1, 2, 3))
        nearest = near[np.argsort(squares)[: found.shape[1]]]
        assert members[0] == row * shape[1] + column
        assert set(members.tolist()) == set((nearest @ [shape[1], 1]).tolist())


@pytest.mark.parametrize("pixels", [[], [(3, 4)], [(0, 0), (29, 26)], [(10, 10), (11, 10), (17, 25)]])
def test_only_wanted_groups_are_found(pixels):
    image, where = jnp.asarray(RNG.random((30, 27, 1), dtype=np.float32)), np.zeros((30, 27), bool)
    for pixel in pixels:
        where[pixel] = True
    wanted = [where[row : row + 3, column : column + 3].any() for row, column in references(where.shape)]
    members, count = patch_groups.find(image, SMALL, jnp.asarray(where))
    assert count == sum(wanted)
    np.testing.assert_array_equal(members[:count], patch_groups.find(image, SMALL).members[np.array(wanted)])


def test_equal_patches_are_led_by_the_reference():
    found = patch_groups.find(jnp.full((9, 9, 1), 0.5), SMALL).members
    np.testing.assert_array_equal(found[:, 0], (2 * np.arange(4)[:, None] * 9 + 2 * np.arange(4)).ravel())


def test_patches_return_to_where_they_were_taken():
    planes = jnp.asarray(RNG.random((2, 7, 8), dtype=np.float32))
    first = jnp.array([[0, 12], [30, 12]])
    patches = patch_groups.take(planes, first, (3, 2))
    assert patches.shape == (2, 2, 2, 6)
    np.testing.assert_array_equal(patches[0, 1, 1], planes[1, 1:4, 4:6].ravel())
    count = patch_groups.add(jnp.zeros_like(planes), first, jnp.ones_like(patches), (3, 2))
    assert count.sum() == patches.size
    assert count[0, 2, 5] == 2
    np.testing.assert_allclose(
        patch_groups.add(jnp.zeros_like(planes), first, patches, (3, 2)), count * planes, atol=1e-6
    )


@pytest.mark.parametrize(("count", "at_once"), [(5, 2), (5, 5), (5, 9), (4, 2), (3, 2), (0, 2)])
def test_sums_have_every_wanted_group_once(count, at_once):
    groups = Groups(jnp.arange(5)[:, None] + jnp.array([[0, 6, 12]]), jnp.array(count))

    def numbered(first):
        number = 1.0 + first[:, 0]
        return jnp.broadcast_to(number[:, None, None, None], (*first.shape, 1, 4)), jnp.full((len(first), 1, 1, 1), 0.5)

    values, weights = patch_groups.sums(numbered, jnp.zeros((1, 4, 6)), groups, at_once, (2, 2))
    assert weights.sum() == 0.5 * count * 3 * 4
    assert values.sum() == 0.5 * 3 * 4 * count * (count + 1) / 2


def test_small_pictures_have_smaller_patches_and_groups():
    assert SMALL.sides((2, 9, 1)) == (2, 3)
    assert SMALL.size((2, 9, 1)) == 5
    assert SMALL.size((2, 5, 1)) == 3
