"""The report of arrays and points: errors in their own units, the nearest value, and its files."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inrr_jax.data import loading
from inrr_jax.data.kinds.array import Config as ArrayConfig
from inrr_jax.data.kinds.points import Config as PointsConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.grids import focus
from inrr_jax.reports import report_of
from inrr_jax.reports.base import Recovery
from inrr_jax.reports.cuts import Cuts


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


def test_the_references_are_completions_or_the_nearest_point(problem):
    references = REPORT.references(problem)
    assert set(references) == ({"linear", "als"} if hasattr(problem.operator, "mask") else {"nearest"})
    for values in references.values():
        assert values.shape == problem.truth.shape
        assert REPORT.score(values, problem)["psnr_observed"] > 100
        # With half of the nodes observed, a neighbour is at most a few steps away.
        assert 0 < REPORT.score(values, problem)["rmse_missing"] < 6


def test_the_files(problem, values, tmp_path):
    truth = np.nan_to_num(problem.truth)
    rows = [{"step": 1, "psnr_missing": 20.0, "psnr_observed": 30.0}]
    recovery = Recovery(problem, truth, None, {}, rows)
    assert REPORT.written(problem) == REPORT.files
    for name in REPORT.files:
        REPORT.write(name, tmp_path / name, recovery)
    np.testing.assert_allclose(np.load(tmp_path / "recovery.npy")[1:, ..., 0], values[1:], rtol=1e-5)
    with Image.open(tmp_path / "comparison.png") as figure:
        assert figure.width > figure.height
    with Image.open(tmp_path / "animation.gif") as film:
        assert film.n_frames == 6
    with Image.open(tmp_path / "profiles.png") as figure:
        assert figure.width > 900
    REPORT.write("comparison.png", tmp_path / "comparison.png", recovery._replace(problem=problem._replace(truth=None)))


def test_the_description(problem):
    found = REPORT.describe(problem)
    assert found == f"{len(problem.measurements)} points" or found.endswith("% missing")


def test_a_matrix_has_no_animation_and_a_line_has_a_profile(tmp_path):
    for values in (np.fromfunction(lambda i, j: 5.0 * i + j, (9, 7)), np.arange(12.0)):
        np.save(tmp_path / "a.npy", values)
        problem = loading.load(ArrayConfig(source=str(tmp_path / "a.npy")), MaskSettings(rate=0.4))
        files = REPORT.written(problem)
        assert not {"animation.gif", "profiles.png"} & {*files}
        rows = [{"step": 1, "psnr_missing": 20.0, "psnr_observed": 30.0}]
        for name in files:
            REPORT.write(name, tmp_path / name, Recovery(problem, problem.truth, None, {}, rows))
        with Image.open(tmp_path / "slices.png") as figure:
            assert figure.width > 500


def test_cuts_are_in_own_units_with_nan_where_nothing_is_observed(problem, values):
    mask = getattr(problem.operator, "mask", np.zeros(problem.domain.shape, bool))
    cuts = Cuts(problem.domain, problem.units, mask, {"observed": problem.truth, "truth": problem.truth})
    place = focus(mask)
    plane, profile = cuts.plane((0, 2)), cuts.profile(1)
    np.testing.assert_allclose(plane.values["truth"], values[:, place[1]], rtol=1e-5)
    np.testing.assert_array_equal(
        np.isnan(plane.values["observed"]), ~mask[:, place[1]] | np.isnan(values[:, place[1]])
    )
    np.testing.assert_allclose(profile.values["truth"], values[place[0], :, place[2]], rtol=1e-5)
    assert plane.labels == ("axis 0 / nodes", "axis 2 / nodes")
    assert cuts.frames()["truth"].shape == (6, 7, 8)
    domain = replace(problem.domain, spacing=(1.0, 2.0, 3.0), length="km")
    known = Cuts(domain, problem.units, mask, {"observed": problem.truth, "truth": problem.truth}).plane((0, 2))
    assert (known.labels, known.lengths) == (("axis 0 / km", "axis 2 / km"), (6.0, 24.0))


def test_profiles_are_those_of_six_nodes_of_the_main_slice(problem, values):
    mask = getattr(problem.operator, "mask", np.zeros(problem.domain.shape, bool))
    found = Cuts(problem.domain, problem.units, mask, {"observed": problem.truth, "truth": problem.truth}).profiles()
    # The main slice has the axes of 7 and 8 nodes, whose lengths are the most alike.
    assert list(found) == [f"[:, {i}, {j}]" for i in (2, 4) for j in (2, 4, 6)]
    np.testing.assert_allclose(found["[:, 4, 6]"].values["truth"], values[:, 4, 6], rtol=1e-5)
    np.testing.assert_array_equal(np.isnan(found["[:, 4, 6]"].values["observed"]), ~mask[:, 4, 6])
