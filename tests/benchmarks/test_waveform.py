import numpy as np
import pytest

from benchmarks import waveform, waveform_report
from inrr_jax.data.kinds.inverse import fwi
from inrr_jax.data.settings import MaskSettings

ROW = {"stage": "table", "ground": "salt", "start": "linear", "lowest": 5.0, "noise": 0.0, "field": "grid"}
ROW |= {"term": "tv", "weight": 1.0, "half": 50.0, "ssim": 0.5, "misfit": 0.1, "seconds": 1.0}


def test_rows_are_kept_and_found_by_their_key(tmp_path):
    waveform.Rows(tmp_path).add({**ROW, "seed": 1, "rmse": 100.0}, np.ones((2, 3, 1)))
    rows = waveform.Rows(tmp_path)
    assert rows.get({**ROW, "seed": 1})["rmse"] == 100
    assert rows.get({**ROW, "seed": 2}) is None
    (path,) = (tmp_path / "velocities").iterdir()
    assert np.load(path).shape == (2, 3, 1)


def test_means_are_those_of_the_table_alone(tmp_path):
    rows = [{**ROW, "seed": seed, "rmse": rmse} for seed, rmse in ((0, 100.0), (1, 300.0))]
    rows.append({**ROW, "stage": "choice", "seed": 2, "rmse": 999.0})
    (mean,) = waveform_report.summary(rows)
    assert (mean["rmse"], mean["se"], mean["each"]) == (200, 100, "100 300")
    waveform_report.report(tmp_path, rows)
    assert "200 ± 100" in (tmp_path / "waveform.md").read_text()
    assert {path.suffix for path in tmp_path.iterdir()} >= {".md", ".json", ".csv", ".png"}


def row_of(field, term, seed, rmse, **more):
    return {**ROW, "field": field, "term": term, "seed": seed, "rmse": rmse, **more}


def test_the_table_of_a_start_has_a_column_for_each_case_and_the_best_is_bold():
    rows = [row_of("grid", "tv", seed, 100 + seed) for seed in (0, 2)]
    rows += [
        row_of("grid", "tv-start", seed, 90, noise=noise, weight=9 * noise) for seed in (0, 2) for noise in (0, 0.1)
    ]
    rows += [row_of("start", "none", seed, 200) for seed in (0, 2)]
    lines = waveform_report.by_case(waveform_report.summary(rows), "linear").splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == ["method", "weight", "5 Hz", "5 Hz, 10 % noise"]
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "start model",
        "grid, TV of the difference",
        "grid, TV",
    ]
    assert "| 0, 0.9 | **90 ± 0** (50)<br>0.50, 0.100 | **90 ± 0**" in lines[3]
    assert "101 ± 1 (50)" in lines[4]
    assert lines[4].endswith("| - |")
    assert "| 90 | 90 | 90 ± 0 |" in waveform_report.by_ground(waveform_report.summary(rows), "linear", 5.0, 0.0)


def test_leads_are_paired_by_ground_between_the_best_of_each_group():
    errors = {("grid", "tv"): (100, 200), ("grid", "grid"): (150, 250), ("siren", "inrr"): (90, 150)}
    errors |= {("tucker", "inrr-start"): (500, 600), ("siren", "none"): (1, 1)}
    rows = [row_of(*method, seed, rmse) for method, both in errors.items() for seed, rmse in enumerate(both)]
    line = waveform_report.leads(waveform_report.summary(rows)).splitlines()[-1]
    assert line == "| linear, 5 Hz | grid, TV: 150 | SIREN, INRR: 120 | 30 ± 20 | 20 % | 2 of 2 |"
    lone = [row for row in rows if row["field"] == "grid"]
    assert len(waveform_report.leads(waveform_report.summary(lone)).splitlines()) == 2


def test_the_page_gets_its_tables_and_all_rows(tmp_path):
    rows = [row_of(f, t, s, 100, start=start) for f, t in (("grid", "tv"), ("siren", "inrr")) for s in (0, 1)
            for start in ("linear", "smoothed")]  # fmt: skip
    docs = tmp_path / "docs"
    docs.mkdir()
    names = ("linear", "smoothed", "leads", "grounds")
    (docs / "fwi.md").write_text("".join(f"<!-- {name}: begin -->\n<!-- {name}: end -->\n" for name in names))
    waveform_report.report(tmp_path, rows, docs)
    assert (docs / "fwi.md").read_text().count("SIREN, INRR") == 5
    assert len((docs / "fwi.csv").read_text().splitlines()) == 9


def test_a_weight_is_chosen_by_the_error_on_the_ground_for_development(tmp_path, monkeypatch):
    monkeypatch.setattr(waveform, "make", lambda case: None)
    monkeypatch.setattr(waveform, "held_out", lambda problem, share: (None, None))
    monkeypatch.setattr(waveform, "solve", lambda rows, problem, key, held: {**key, "held": 1, "rmse": -key["weight"]})
    assert waveform.choose(waveform.Rows(tmp_path), "grid", "tv", 0.1) == max(waveform.TERMS["tv"])


def test_a_run_has_the_start_models_and_continues(tmp_path, monkeypatch):
    solved = []

    def solve(rows, problem, key):
        solved.append(key)
        rows.add({**key, "seconds": 1.0, "rmse": 1.0, "half": 1.0, "ssim": 1.0, "misfit": 0.0}, problem.truth)

    config = fwi.Config(nodes=(14, 20), sources=(2,), duration=0.6, layer=6, water=75.0)
    monkeypatch.setattr(waveform, "make", lambda case: config.problem(config.read(), MaskSettings()))
    monkeypatch.setattr(waveform, "solve", solve)
    monkeypatch.setattr(waveform, "sensitive", lambda lowest: np.ones((14, 20), bool))
    case = {name: ROW[name] for name in ("ground", "start", "lowest", "noise")} | {"seed": 0}
    for _ in range(2):
        rows = waveform.Rows(tmp_path)
        waveform.run(rows, [case], ["siren+none"])
        assert [row["field"] for row in rows.rows] == ["start", "siren"]
    assert len(solved) == 1
    assert rows.rows[0]["rmse"] > 50 < rows.rows[0]["half"]
    assert list(rows.values(case)) == [f"start model: {rows.rows[0]['rmse']:.0f} m/s", "SIREN: 1 m/s"]
    waveform.draw(rows, tmp_path, case)
    assert (tmp_path / "models_salt_linear_5.0_0.0_0.png").stat().st_size > 1000


def test_the_sensitive_half_is_near_the_survey(monkeypatch):
    config = fwi.Config(nodes=(14, 20), sources=(2,), duration=0.6, layer=6, water=75.0)
    monkeypatch.setattr(waveform, "make", lambda case: config.problem(config.read(), MaskSettings()))
    found = waveform.sensitive.__wrapped__(5.0)
    assert found.sum() == (14 - 3) * 20 // 2
    assert not found[:3].any()
    assert found[3:8].mean() > 0.8 > 0.2 > found[-5:].mean()


def test_no_stage_fits_a_held_out_shot():
    config = fwi.Config(nodes=(14, 20), sources=(2,), duration=0.6, layer=6, water=75.0, lowest=5.0)
    problem, held = waveform.held_out(config.problem(config.read(), MaskSettings()), 0.5)
    for operator in (problem.operator, *(stage[0] for stage in problem.stages)):
        np.testing.assert_array_equal(operator.kept, ~held.kept)


@pytest.mark.parametrize("method", waveform.METHODS)
def test_every_method_has_settings(method):
    field, term = method.split("+")
    settings = waveform.settings_of(field, term, 0.5)
    assert (settings.field.name, settings.regularizer.name) == (field, term.split("-")[0])
    assert settings.regularizer.reference == ("start" if term.endswith("-start") else "zero")
    assert all(config.weight == 0.5 for config in settings.regularizer.terms.values())
