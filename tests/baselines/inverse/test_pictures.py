"""Classical methods of pictures that are measured through an operator: each improves on what was measured."""

import numpy as np
import pytest

from inrr_jax.baselines.inverse import OPTIONAL, methods_of
from inrr_jax.data.kinds.inverse import deblur, denoise, super_resolution
from inrr_jax.data.kinds.inverse.pictures import Scene
from inrr_jax.data.settings import MaskSettings

ROW, COLUMN = (np.mgrid[:64, :64] + 0.5) / 2
# Flat at the border, beyond which simulation and operator continue it differently.
WINDOW = np.sin(np.pi * ROW / 32) * np.sin(np.pi * COLUMN / 32)
FINE = (0.5 + 0.4 * WINDOW**2 * np.sin(ROW / 2) * np.cos(COLUMN / 3))[..., None].astype(np.float32)
TRUTH = FINE.reshape(32, 2, 32, 2, 1).mean(axis=(1, 3))
SCENE = Scene(TRUTH, FINE)
PROBLEMS = {
    "denoise": denoise.Config(sigma=0.15).problem(SCENE, MaskSettings(mode="none")),
    "super_resolution": super_resolution.Config(factor=2).problem(SCENE, MaskSettings(mode="none")),
    "deblur": deblur.Config(width=1.5, sigma=0.01).problem(SCENE, MaskSettings(mode="none")),
}
CASES = [
    (kind, name)
    for kind, problem in PROBLEMS.items()
    for name in methods_of(problem)
    if name not in ("noisy", "blurred", *OPTIONAL)
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_method_improves_on_the_measurements(kind, name):
    problem = PROBLEMS[kind]
    start = problem.measurements
    if kind == "super_resolution":
        start = np.repeat(np.repeat(start, 2, axis=0), 2, axis=1)
    found = methods_of(problem)[name](problem)
    assert found.shape == TRUTH.shape
    assert np.mean((found - TRUTH) ** 2) < 0.9 * np.mean((start - TRUTH) ** 2)


def test_wavelets_remove_most_of_the_noise_in_every_channel():
    pytest.importorskip("pywt")
    problem = PROBLEMS["denoise"]
    colour = problem._replace(measurements=np.repeat(problem.measurements, 3, axis=-1))
    found = methods_of(problem)["wavelets"](colour)
    assert found.shape == (*TRUTH.shape[:2], 3)
    assert np.mean((found - TRUTH) ** 2) < 0.4 * np.mean((problem.measurements - TRUTH) ** 2)
