"""Saving with the bits and the alpha channel of the original."""

import numpy as np
import pytest

from inrr_jax.data import images, saving
from inrr_jax.errors import UserError

RNG = np.random.default_rng(0)
KINDS = [((5, 7), np.uint8), ((5, 7, 2), np.uint8), ((5, 7, 3), np.uint8), ((5, 7, 4), np.uint8)]
KINDS += [((5, 7), np.uint16), ((5, 7, 3), np.uint16), ((5, 7, 4), np.uint16)]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("shape", "kind"), KINDS)
def test_what_was_read_is_written_and_read_again(tmp_path, shape, kind, suffix):
    if suffix == "png" and kind == np.uint16 and len(shape) == 3:
        pytest.importorskip("cv2")
    original = RNG.integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    colours = original[..., None] if original.ndim == 2 else original[..., : {2: 1, 3: 3, 4: 3}[shape[-1]]]
    saving.save_like(tmp_path / f"a.{suffix}", colours / np.float32(np.iinfo(kind).max), original)
    again = images.read_original(str(tmp_path / f"a.{suffix}"))
    assert again.dtype == kind
    np.testing.assert_array_equal(again, original)
    loaded = images.load(str(tmp_path / f"a.{suffix}"))
    np.testing.assert_allclose(loaded, colours / np.iinfo(kind).max, atol=1e-6)


def test_what_a_file_cannot_hold_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"ends in \.png or \.tif"):
        saving.check(tmp_path / "a.jpg", np.zeros((2, 2), np.uint8))
    monkeypatch.setattr(saving.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install opencv-python-headless"):
        saving.check(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint16))
    saving.check(tmp_path / "a.png", np.zeros((2, 2), np.uint16))
    saving.check(tmp_path / "a.tif", np.zeros((2, 2, 3), np.uint16))
