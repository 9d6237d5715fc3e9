"""Fixtures of the tests of the fills."""

import importlib.util

import numpy as np
import pytest

from inrr_jax.baselines.patches import gsr
from inrr_jax.priors import patch_search
from inrr_jax.recipes.fills import FILLS


@pytest.fixture(params=FILLS)
def fill(request, monkeypatch):
    """Return each of the fills; those of OpenCV are skipped where it is not installed.

    GSR has few rounds, and patches are searched in blocks as small as the test pictures.
    """
    monkeypatch.setattr(gsr, "ROUNDS", 30)
    monkeypatch.setattr(patch_search, "SIDE", 16)
    if request.param in ("telea_r3", "navier_stokes_r5") and importlib.util.find_spec("cv2") is None:
        pytest.skip("OpenCV is not installed")
    return FILLS[request.param].fill


@pytest.fixture
def picture():
    """Return a function that draws smooth waves with a step, in [0, 1], and a mask with about 70 % observed."""

    def draw(height, width, channels=1, seed=0):
        rows, columns = np.mgrid[:height, :width][..., None]
        waves = np.sin(rows / 4 + np.arange(channels)) * np.cos(columns / 5)
        image = 0.5 + 0.3 * waves + 0.2 * (columns > width / 2)
        mask = np.random.default_rng(seed).random((height, width)) < 0.7
        mask[0, 0], mask[-1, -1] = True, False
        return np.clip(image, 0, 1).astype(np.float32), mask

    return draw
