"""Scores and files of the report of parallel imaging."""

import dataclasses

import numpy as np
import pytest

from inrr_jax.data.kinds.inverse import mri
from inrr_jax.data.settings import MaskSettings
from inrr_jax.reports.base import Recovery
from inrr_jax.reports.inverse.mri import Report, brightness

CONFIG = mri.Config(size=24, coils=2, acceleration=3.0, centre=4)
PROBLEM = CONFIG.problem(CONFIG.read(), MaskSettings())


def test_scores_do_not_change_with_the_scale_of_the_maps():
    values = PROBLEM.truth + np.random.default_rng(0).normal(scale=0.05, size=PROBLEM.truth.shape).astype(np.float32)
    scaled = np.concatenate([values[..., :2], 3 * values[..., 2:]], axis=-1)
    one, other = (Report().score(v, PROBLEM) for v in (values, scaled))
    assert one == pytest.approx(other, rel=1e-3)
    assert 10 < one["psnr"] < 40


def test_the_psnr_is_for_the_largest_true_brightness():
    truth = PROBLEM.truth[..., 0]
    found = PROBLEM.truth.copy()
    found[..., 0] += 0.1 * truth.max()
    np.testing.assert_allclose(brightness(found, PROBLEM), truth + 0.1 * truth.max(), rtol=1e-3, atol=2e-3)
    assert Report().score(found, PROBLEM)["psnr"] == pytest.approx(20, abs=0.05)
    assert Report().score(found, PROBLEM._replace(truth=None))["psnr"] is None


def test_files(tmp_path, monkeypatch):
    monkeypatch.setattr(Report, "references", lambda self, problem: {"other": problem.measurements[0].repeat(3, -1)})
    recovery = Recovery(PROBLEM, PROBLEM.truth, None, {}, [])
    for name in Report.files:
        Report().write(name, tmp_path / name, recovery)
    saved = np.load(tmp_path / "recovery.npy")
    assert saved.shape == (3, 24, 24)
    np.testing.assert_allclose(saved[0].real, PROBLEM.truth[..., 0], atol=1e-6)
    unknown = dataclasses.replace(CONFIG, truth=False).problem(CONFIG.read(), MaskSettings())
    Report().write("comparison.png", tmp_path / "unknown.png", recovery._replace(problem=unknown))
    assert (tmp_path / "unknown.png").stat().st_size < (tmp_path / "comparison.png").stat().st_size
