"""A simulated scanner and its k-space, and k-space from a file."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data import scanner
from inrr_jax.data.kinds.inverse import mri
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
