"""The inpainting methods of OpenCV, where it is not installed; test_contract.py has the tests where it is."""

import sys

import pytest

from inrr_jax.errors import UserError
from inrr_jax.recipes.fills import FILLS


@pytest.mark.parametrize("name", ["telea_r3", "navier_stokes_r5"])
def test_a_missing_opencv_raises_an_error_with_the_command_that_installs_it(monkeypatch, picture, name):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match="pip install opencv-python-headless"):
        FILLS[name].fill(*picture(5, 5))
