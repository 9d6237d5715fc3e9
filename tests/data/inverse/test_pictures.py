"""Pictures measured through an operator: simulated without the operator, yet in agreement with it."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data import images
from inrr_jax.data.kinds.inverse import deblur, denoise, super_resolution
from inrr_jax.data.kinds.inverse.pictures import Scene
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError

WHOLE = MaskSettings(mode="none")
KINDS = {
    "super_resolution": super_resolution.Config(size=64),
    "by 4": super_resolution.Config(size=64, factor=4),
    "gaussian": deblur.Config(size=64, sigma=0.0),
    "motion": deblur.Config(size=64, sigma=0.0, blur="motion", width=7.0),
}


def predicted(problem):
    return np.asarray(problem.operator.apply(jnp.asarray(problem.truth)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_operator_is_near_the_simulation_and_not_the_same(kind):
    problem = KINDS[kind].problem(KINDS[kind].read(), WHOLE)
    error = np.sqrt(np.mean((predicted(problem) - problem.measurements) ** 2))
    assert 1e-3 < error < 0.02
    # A shift by a pixel of the recovery is far more than the discretisation.
    moved = np.asarray(problem.operator.apply(jnp.asarray(np.roll(problem.truth, 1, axis=1))))
    assert np.sqrt(np.mean((moved - problem.measurements) ** 2)) > 1.5 * error


def test_a_scene_is_the_picture_in_twice_its_resolution():
    scene = denoise.Config(image="rocket", size=64).read()
    assert scene.picture.shape == (43, 64, 1)
    assert scene.fine.shape == (86, 128, 1)
    assert np.abs(images.resize(scene.fine, (43, 64)) - scene.picture).mean() < 0.01


def test_a_picture_of_its_own_size_is_the_truth(tmp_path):
    images.save(tmp_path / "own.png", images.load("camera", size=24))
    config = deblur.Config(image=str(tmp_path / "own.png"), size=0)
    problem = config.problem(config.read(), WHOLE)
    np.testing.assert_array_equal(problem.truth, images.load(config.image))
    assert problem.measurements.shape == (24, 24, 1)


def test_pictures_are_cut_to_whole_blocks():
    config = super_resolution.Config(image="rocket", size=64, factor=4)
    problem = config.problem(config.read(), WHOLE)
    assert problem.truth.shape == (40, 64, 1)
    assert problem.measurements.shape == (10, 16, 1)


def test_a_kernel_from_a_file_keeps_its_place(tmp_path):
    kernel = np.zeros((3, 5))
    kernel[1, 3] = 2.0
    np.save(tmp_path / "k.npy", kernel)
    config = deblur.Config(blur="file", kernel=str(tmp_path / "k.npy"), sigma=0.0, size=32)
    problem = config.problem(config.read(), WHOLE)
    inner = np.s_[2:-2, 2:-2]
    expected = np.roll(problem.truth, 1, axis=1)[inner]
    assert np.corrcoef(problem.measurements[inner].ravel(), expected.ravel())[0, 1] > 0.97
    np.testing.assert_allclose(predicted(problem)[inner], expected, atol=1e-5)


def test_a_measured_picture_has_no_scene(tmp_path):
    scene = denoise.Config(truth=False, image="camera").read()
    assert scene.fine is None
    assert denoise.Config(truth=False).problem(Scene(scene.picture[:8, :8], None), WHOLE).truth is None
    with pytest.raises(UserError, match="cannot be read"):
        deblur.Config(blur="file", kernel=str(tmp_path / "no.npy")).operator()
    with pytest.raises(UserError, match=r"k\.npy is read by data\.blur=file only, not by gaussian"):
        deblur.Config(kernel="k.npy").operator()
