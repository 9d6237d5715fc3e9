"""The report of arrays and points: errors in their own units, the nearest value, and its files."""

import numpy as np
import pytest
from PIL import Image

from inrr_jax.data import loading
from inrr_jax.data.kinds.array import Config as ArrayConfig
from inrr_jax.data.kinds.points import Config as PointsConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.reports import report_of
from inrr_jax.reports.base import Recovery


@pytest.fixture
def values():
    array = np.fromfunction(lambda i, j, k: 50 + 2 * i + 3 * j + k, (6, 7, 8))
    array[0, 0, 0] = np.nan
    return array


@pytest.fixture(params=["array", "points"])
def problem(request, tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    config = {"array": ArrayConfig, "points": PointsConfig}[request.param]
    return loading.load(config(source=str(tmp_path / "a.npy")), MaskSettings(rate=0.5))


REPORT = report_of("array")


def test_errors_are_in_the_units_of_the_data(problem, values):
    scale = problem.units.scale[0]
    off = np.nan_to_num(problem.truth) + np.float32(2 / scale)
    scores = REPORT.score(off, problem)
    assert scores["rmse_missing"] == pytest.approx(2, rel=1e-4)
    assert scores["nmae_missing"] == pytest.approx(2 / scale, rel=1e-4)
    assert scores["psnr_missing"] == pytest.approx(-20 * np.log10(2 / scale), rel=1e-4)
    assert scores["psnr_observed"] == pytest.approx(scores["psnr_missing"], rel=1e-3)
    assert set(scores) == set(REPORT.names)


def test_missing_scores_look_at_missing_entries_alone(problem):
    truth = np.nan_to_num(problem.truth)
    assert REPORT.score(truth, problem)["psnr_missing"] == np.inf
    if hasattr(problem.operator, "mask"):
        changed = np.where(problem.operator.mask[..., None], truth + 1, truth)
        assert REPORT.score(changed, problem)["psnr_missing"] == np.inf
        assert REPORT.score(changed, problem)["psnr_observed"] == pytest.approx(0, abs=1e-5)


def test_without_a_truth_the_observed_score_is_left(problem):
    scores = REPORT.score(np.nan_to_num(problem.truth), problem._replace(truth=None))
    assert [name for name, value in scores.items() if value is not None] == ["psnr_observed"]


def test_the_nearest_value_is_one_of_the_neighbours(problem):
    nearest = REPORT.references(problem)["nearest"]
    assert nearest.shape == problem.truth.shape
    assert REPORT.score(nearest, problem)["psnr_observed"] > 100
    # With half of the nodes observed, the nearest one is at most a few steps away.
    assert 0 < REPORT.score(nearest, problem)["rmse_missing"] < 6


def test_the_files(problem, values, tmp_path):
    truth = np.nan_to_num(problem.truth)
    rows = [{"step": 1, "psnr_missing": 20.0, "psnr_observed": 30.0}]
    recovery = Recovery(problem, truth, None, {}, rows)
    for name in REPORT.files:
        REPORT.write(name, tmp_path / name, recovery)
    np.testing.assert_allclose(np.load(tmp_path / "recovery.npy")[1:, ..., 0], values[1:], rtol=1e-5)
    with Image.open(tmp_path / "comparison.png") as figure:
        assert figure.width > figure.height
    REPORT.write("comparison.png", tmp_path / "comparison.png", recovery._replace(problem=problem._replace(truth=None)))


def test_the_description(problem):
    found = REPORT.describe(problem)
    assert found == f"{len(problem.measurements)} points" or found.endswith("% missing")
