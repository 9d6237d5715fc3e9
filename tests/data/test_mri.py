"""A simulated scanner and its k-space, and k-space from a file."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data import scanner
from inrr_jax.data.kinds.inverse import mri, mri_radial
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.fourier import ParallelImaging

SMALL = {"size": 24, "coils": 3, "acceleration": 3.0, "centre": 4}


def drawn(**options):
    config = mri.Config(**(SMALL | options))
    return config.problem(config.read(), MaskSettings())


def test_maps_are_smooth_complex_and_strongest_near_their_coil():
    maps = scanner.coil_maps(4, (17, 17))
    angles = 2 * np.pi * (np.arange(4) + 0.5) / 4
    for one, angle in zip(np.abs(maps), angles, strict=True):
        row, column = np.unravel_index(one.argmax(), one.shape)
        assert np.sign([column - 8, row - 8]) == pytest.approx(np.sign([np.cos(angle), np.sin(angle)]))
    assert np.abs(np.angle(maps[0] / maps[0, 8, 8])).max() > 0.3
    np.testing.assert_allclose(maps, scanner.coil_maps(4, (33, 33))[:, ::2, ::2], atol=1e-6)


def test_wires_have_points_enough(monkeypatch):
    coarse = scanner.coil_maps(3, (9, 9))
    monkeypatch.setattr(scanner, "SEGMENTS", 96)
    np.testing.assert_allclose(coarse, scanner.coil_maps(3, (9, 9)), atol=1e-3)


@pytest.mark.parametrize("pattern", ["random", "uniform"])
@pytest.mark.parametrize("centre", [3, 4])
def test_lines_in_the_middle_and_their_number(pattern, centre):
    lines = scanner.sampled_lines(np.random.default_rng(0), 40, 4.0, centre, pattern)
    assert lines.sum() == 10
    assert lines[20 - centre // 2 : 20 - centre // 2 + centre].all()


def test_k_space_of_fine_cells_is_no_product_on_the_grid_but_close_to_one():
    image = np.zeros((16, 16), np.float32)
    image[5:11, 4:12] = 1.0
    images = scanner.centred_fft(scanner.k_space(image, 3, np.random.default_rng(0)), inverse=True)
    found = scanner.root_sum_of_squares(images) / scanner.root_sum_of_squares(scanner.coil_maps(3, (16, 16)))
    assert 0.01 < np.abs(found - image).mean() < 0.2


def test_the_truth_explains_the_samples_up_to_the_noise():
    problem, clean = drawn(), drawn(noise=0.0)
    truth = problem.truth
    residual = float(problem.operator.distance(*map(jnp.asarray, (truth, problem.measurements))))
    assert residual == pytest.approx(problem.operator.noise.sigma**2, rel=0.1)
    assert float(clean.operator.distance(*map(jnp.asarray, (clean.truth, clean.measurements)))) < 1e-10
    assert problem.domain.channels == truth.shape[-1] == 8
    assert problem.operator.kept.sum() == 8 * 24
    assert not problem.measurements[:, ~problem.operator.kept[0, :, :, 0]].any()


def test_seeds_draw_other_lines_and_noise():
    assert drawn(seed=1).digest != drawn(seed=2).digest
    assert drawn(seed=1).digest == drawn(seed=1).digest


def test_k_space_from_a_file(tmp_path):
    content = mri.Config(**SMALL).read()
    path = tmp_path / "kspace.npy"
    np.save(path, content)
    whole = drawn(path=str(path))
    assert isinstance(whole.operator, ParallelImaging)
    assert whole.truth is not None
    content[:, 3:7] = 0
    np.save(path, content)
    part = drawn(path=str(path))
    assert part.truth is None
    assert (~part.operator.kept[0, :, 0, 0]).sum() == 4
    assert part.operator.noise.sigma is None


@pytest.mark.parametrize("array", [np.ones((2, 4, 4)), np.zeros((2, 4, 4), complex), np.ones((4, 4), complex)])
def test_other_arrays_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=r"give finite complex numbers \[coils, H, W\]"):
        mri.Config(path=str(tmp_path / "a.npy")).read()


def test_other_requests_are_refused():
    with pytest.raises(UserError, match=r"data\.centre=9 of 24 lines"):
        drawn(centre=9)
    with pytest.raises(UserError, match="cannot be read"):
        mri.Config(path="nothing.npy").read()


def test_spokes_at_frequencies_of_the_grid_are_its_k_space():
    image = np.random.default_rng(0).random((8, 6))
    axes = ((np.arange(n) - n // 2) / n for n in image.shape)
    frequencies = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    found = scanner.spokes_of(image, 2, np.random.default_rng(1), frequencies)
    np.testing.assert_allclose(found, scanner.k_space(image, 2, np.random.default_rng(1)), atol=1e-10)


def test_spokes_cross_in_the_middle_and_turn_by_the_golden_angle():
    found = scanner.spokes(3, 8)
    assert not found[:, 4].any()
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1).max(axis=1), 0.5)
    turned = np.rad2deg(np.arccos((found[0, 0] * found[1, 0]).sum() / 0.25))
    assert turned == pytest.approx(111.25, abs=0.01)


def test_gridded_images_of_enough_spokes_have_the_brightness_of_the_object():
    image = np.zeros((16, 16))
    image[4:12, 5:11] = 1.0
    frequencies = scanner.spokes(60, 32)
    samples = scanner.spokes_of(image, 2, np.random.default_rng(0), frequencies)
    found = scanner.root_sum_of_squares(scanner.gridded(samples, frequencies, image.shape))
    expected = image * scanner.root_sum_of_squares(scanner.coil_maps(2, image.shape))
    assert found[6:10, 7:9].mean() == pytest.approx(expected[6:10, 7:9].mean(), rel=0.05)


def test_the_truth_explains_the_samples_of_spokes_but_for_the_corners_of_k_space():
    config = mri_radial.Config(size=24, coils=3, spokes=9)
    problem = config.problem(config.read(), MaskSettings())
    assert problem.measurements.shape == (3, 9, 24, 2)
    residual = float(problem.operator.distance(*map(jnp.asarray, (problem.truth, problem.measurements))))
    assert problem.operator.noise.sigma**2 < residual < 3 * problem.operator.noise.sigma**2
    assert config.label == "mri_slice, 3 simulated coils, 9 spokes"
