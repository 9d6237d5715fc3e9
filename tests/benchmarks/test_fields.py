import dataclasses

import numpy as np
import pytest

from benchmarks import fields, fields_report, measure
from benchmarks.fields import ENTRIES, KEY, Entry, Job, Study
from inrr_jax.problem import Domain
from inrr_jax.training.sweep import Outcome

DOMAIN = Domain((24, 24), 1)


@pytest.fixture(scope="module")
def cases():
    return {("camera", name): problem for name, problem in fields.problems("camera", 24).items()}


@pytest.mark.parametrize("name", ["siren", "hash_grid"])
def test_a_field_has_at_most_the_parameters_of_the_reference_and_one_more_unit_would_be_too_many(name):
    target = fields.parameters(fields.settings_of("siren", "none", DOMAIN, 10, {}).field, DOMAIN)
    field = fields.settings_of(name, "none", DOMAIN, 10, {}).field
    grows = ENTRIES[name].grows
    larger = dataclasses.replace(field, **{grows: getattr(field, grows) + 1})
    assert fields.parameters(field, DOMAIN) <= target < fields.parameters(larger, DOMAIN)


@pytest.mark.parametrize("name", ENTRIES)
def test_both_terms_choose_among_four_candidates_of_the_same_scales(name):
    entry = ENTRIES[name]
    candidates = entry.candidates(96)
    scales = {candidate.get(entry.scale) for candidate in candidates}
    assert len(candidates) == 4
    for chosen in candidates:
        energies = entry.with_energy(chosen, 96)
        assert len({tuple(candidate.items()) for candidate in energies}) == 4
        assert {candidate.get(entry.scale) for candidate in energies} <= scales
        assert {candidate[entry.rate] for candidate in energies} == {chosen[entry.rate]}


def test_problems_have_the_stated_gaps_and_noise_and_trials_see_neither_held_out_pixels_nor_the_truth(cases):
    assert [name for _, name in cases] == list(fields.TITLES)
    shares = {name: 1 - np.mean(problem.operator.mask) for (_, name), problem in cases.items()}
    assert shares == pytest.approx({"text": 0.125, "random": 0.5, "density": 0.5, "denoise": 0, "fit": 0}, abs=0.05)
    denoise = cases["camera", "denoise"]
    assert np.std(denoise.measurements - denoise.truth) == pytest.approx(25 / 255, rel=0.1)
    for case, problem in cases.items():
        job = Study._job(None, "trial", case, problem, "grid", "none", 20, {})
        given = job.member.problem
        np.testing.assert_array_equal(given.truth, problem.measurements)
        if case[1] != "fit":
            assert not given.measurements[job.held].any()
            assert not given.operator.mask[job.held].any()
        assert not (job.held & ~np.asarray(problem.operator.mask)).any()


def test_rows_have_errors_on_held_out_pixels_or_scores_on_missing_ones(cases):
    problem = cases["camera", "random"]
    trial, fit = (Study._job(None, s, ("camera", "random"), problem, "grid", "none", 20, {}) for s in ("trial", "fit"))
    wrong = np.where(trial.held[..., None], problem.truth + 0.1, problem.truth).clip(0, 1)
    expected = np.mean((wrong - problem.truth)[trial.held] ** 2)
    assert trial.row(Outcome(wrong, 1.0, "", 1))["error"] == pytest.approx(float(expected))
    missing = ~np.asarray(problem.operator.mask)[..., None]
    off = np.where(missing, np.where(problem.truth > 0.5, problem.truth - 0.1, problem.truth + 0.1), 0.0)
    assert fit.row(Outcome(off.astype(np.float32), 1.0, "", 1))["psnr"] == pytest.approx(20.0, abs=1e-3)


def test_steps_are_in_inverse_proportion_to_the_processor_s_seconds(cases, monkeypatch):
    taken = {"siren": 1.0, "relu": 0.5}
    monkeypatch.setattr(fields.batch, "compile_batch", lambda settings, problem, at_once: (settings.field.name, 0.0))
    monkeypatch.setattr(fields.batch, "probe", lambda name, members: name)
    monkeypatch.setattr(fields.measure, "processor_seconds", lambda program: taken[program()])
    assert fields.equal_steps("relu", "none", cases["camera", "fit"], 300) == 600
    assert fields.equal_steps("siren", "none", cases["camera", "fit"], 300) == 300


def test_a_run_is_continued_and_its_best_candidate_counts(cases, tmp_path, monkeypatch):
    monkeypatch.setattr(fields, "equal_steps", lambda *arguments: 20)
    monkeypatch.setitem(ENTRIES, "grid", Entry("", fields.FIELD, (1e-6, 5e-2)))
    monkeypatch.setattr(fields, "TITLES", {"fit": "", "denoise": ""})
    monkeypatch.setattr(fields, "problems", lambda *_: {"fit": cases["camera", "fit"]})
    monkeypatch.setattr(fields, "TERMS", ("none",))
    Study(tmp_path, 24, 20, 2).run(["camera"], ["grid"])
    rows = Study(tmp_path, 24, 20, 2).results.rows
    assert [row["stage"] for row in rows] == ["steps", "trial", "trial", "fit", "fit"]
    assert {row["candidate"] for row in rows if row["stage"] == "fit"} == {"optimizer.field_rate=0.05"}
    again = Study(tmp_path, 24, 20, 2)
    monkeypatch.setattr(fields, "run_fits", lambda jobs, results, **options: results.add([]) if jobs else None)
    again.run(["camera"], ["grid"])
    assert again.results.rows == rows


def row(stage, field, term, seed, psnr, problem="text", picture="a"):
    key = dict(zip(KEY, (stage, picture, problem, field, term, "", seed), strict=True))
    return {**key, "psnr": psnr, "steps": 20, "parameters": 1000}


ROWS = [row("steps", "siren", term, 0, None) for term in ("none", "inrr")]
ROWS += [row("fit", "siren", "none", seed, 20.0 + seed, picture=p) for seed in (0, 2) for p in "ab"]
ROWS += [row("fit", "siren", "inrr", seed, 25.0 + seed / 10, picture=p) for seed in (0, 2) for p in "ab"]
ROWS += [row("control", "harmonic", "none", 0, 22.5, picture=p) for p in "ab"]


def test_tables_have_means_spreads_gains_and_the_controls():
    text = fields_report.report(ROWS, {"text": "writing"})
    assert "| `siren` | 21.00 ± 1.41 |" in text
    assert "| `siren` | **25.10 ± 0.14** (+4.10) |" in text
    assert "| no field | 22.50 (harmonic) |" in text
    assert "| text | 2 | 0 | 2 | +4.10 |" in text
    assert "| `siren` | 1,000 | 20 | 20 |" in text


def test_the_tables_of_a_page_are_replaced_and_a_figure_is_drawn(tmp_path):
    page = tmp_path / "fields.md"
    begin, end = "<!-- tables: begin -->", "<!-- tables: end -->"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    for _ in range(2):
        measure.write_page(page, {"tables": "new\n"})
        assert page.read_text() == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"
    page.write_text("no place")
    with pytest.raises(ValueError, match="has 0 places for tables"):
        measure.write_page(page, {"tables": "new\n"})
    fields_report.draw(tmp_path / "fields.png", ROWS, {"text": "writing"})
    assert (tmp_path / "fields.png").stat().st_size > 1000


def test_an_error_of_zero_is_exact_and_a_fit_that_diverged_has_no_score():
    rows = [{**row("fit", "grid", "none", 0, None), "diverged": text} for text in ("", "step 3: no number")]
    exact, diverged = (fields_report.scores([one])["text", "grid", "none"].mean for one in rows)
    assert exact == fields_report.MOST
    assert np.isnan(diverged)


def test_jobs_of_other_settings_have_other_digests(cases):
    case = ("camera", "random"), cases["camera", "random"]
    one, two = (Study._job(None, "fit", *case, "grid", "none", steps, {}) for steps in (20, 40))
    assert isinstance(one, Job)
    assert one.digest != two.digest
