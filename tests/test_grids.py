"""Tests of inrr_jax.grids."""

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
