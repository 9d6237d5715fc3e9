"""Classical reconstructions of parallel imaging: maps, their agreement with sigpy, and the order of the methods."""

import numpy as np
import pytest

from inrr_jax.baselines.inverse import coils
from inrr_jax.baselines.inverse.mri import MRI, on_grid
from inrr_jax.data.kinds.inverse import mri, mri_radial
from inrr_jax.data.settings import MaskSettings
from inrr_jax.reports.inverse.mri import Report

CONFIG = mri.Config(size=40, coils=4, acceleration=2.5, centre=10)
PROBLEM = CONFIG.problem(CONFIG.read(), MaskSettings())
SAMPLED = PROBLEM.operator.kept[0, :, :, 0]
K_SPACE = PROBLEM.measurements[..., 0] + 1j * PROBLEM.measurements[..., 1]
TRUE_MAPS = np.moveaxis(PROBLEM.truth[..., 2::2] + 1j * PROBLEM.truth[..., 3::2], -1, 0)
OBJECT = PROBLEM.truth[..., 0] > 0.2 * PROBLEM.truth[..., 0].max()


def agreement(maps, others=TRUE_MAPS):
    """Return the inner product of the unit vectors of the maps at each place of the object, 1 for equal ones."""
    return np.abs((maps.conj() * others).sum(axis=0))[OBJECT]


@pytest.mark.parametrize("estimate", [coils.espirit, coils.smooth_maps])
def test_maps_from_the_middle_agree_with_the_true_ones(estimate):
    found = agreement(estimate(K_SPACE, SAMPLED))
    assert np.quantile(found, 0.25) > 0.99


def test_the_block_in_the_middle_is_as_wide_as_it_may_be():
    block = coils.calibration(K_SPACE, SAMPLED)
    assert block.shape == (4, 10, 24)
    np.testing.assert_array_equal(block, K_SPACE[:, 15:25, 8:32])


def test_espirit_agrees_with_sigpy(monkeypatch):
    app = pytest.importorskip("sigpy.mri").app
    monkeypatch.setattr(coils, "LARGEST", 10)
    crop = coils.LEAST_EIGENVALUE
    expected = app.EspiritCalib(K_SPACE, calib_width=10, crop=crop, kernel_width=6, show_pbar=False).run()
    both = agreement(coils.espirit(K_SPACE, SAMPLED), expected)
    assert np.quantile(both, 0.25) > 0.999


@pytest.mark.parametrize(
    "name",
    [pytest.param("smooth maps + TV", marks=pytest.mark.slow), "ESPIRiT + L1", "smooth maps + L1", "JSENSE + L1"],
)
def test_a_method_is_ahead_of_zeros_where_nothing_is_sampled(name):
    if "L1" in name:
        pytest.importorskip("sigpy")
    scores = [Report().score(MRI[one](PROBLEM), PROBLEM) for one in ("zero-filled", name)]
    assert scores[1]["psnr"] > scores[0]["psnr"] + 1
    assert scores[1]["ssim"] > scores[0]["ssim"]


@pytest.mark.slow  # sigpy compiles for ten seconds
def test_jsense_is_ahead_of_gridding_for_spokes():
    pytest.importorskip("sigpy")
    config = mri_radial.Config(size=40, coils=4, spokes=14)
    problem = config.problem(config.read(), MaskSettings())
    scores = [Report().score(MRI[name](problem), problem) for name in ("zero-filled", "JSENSE + L1")]
    assert scores[1]["psnr"] > scores[0]["psnr"] + 1


def test_the_block_in_the_middle_of_spokes_is_where_they_are_close():
    config = mri_radial.Config(size=40, coils=4, spokes=31)
    problem = config.problem(config.read(), MaskSettings())
    spectrum, sampled = on_grid(problem)
    assert sampled[20, 11:30].sum() == 19
    assert not sampled[20, [10, 30]].any()
    whole = mri.Config(size=40, coils=4).read()[:, 18:23, 18:23]
    found = spectrum[:, 18:23, 18:23]
    assert abs(np.vdot(found, whole)) > 0.98 * np.linalg.norm(found) * np.linalg.norm(whole)
