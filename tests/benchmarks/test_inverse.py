"""The comparison of measurements through an operator: jobs that go on, tables, figures, another paper's operator."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.inverse import chest, corners, jobs, report
from benchmarks.inverse.jobs import CASES, KEYS, Job, Study, job, listed, made, methods
from inrr_jax.data import images
from inrr_jax.options import change
from inrr_jax.recipes.inverse import tuning


def row(problem, method, seed, psnr, stage="table", size=24):
    key = dict(zip(KEYS, (stage, problem, method, size, seed), strict=True))
    return {**key, "psnr": psnr, "ssim": 0.5, "seconds": 3.0, "cpu_seconds": 4.0, "chosen": {}, "digest": ""}


ROWS = [row("ct-15", "recipe", seed, 30.0 + seed) for seed in (0, 1)]
ROWS += [row("ct-15", "tv", seed, 29.0 + 2 * seed) for seed in (0, 1)]
ROWS += [row("ct-15", "fbp", seed, 20.0) for seed in (0, 1)]
ROWS += [row("ct-15", "sart", 0, 99.0)]


def plain(solve, depends="", name="noisy"):
    key = dict(zip(KEYS, ("table", "denoise-25", name, 24, 0), strict=True))
    return Job(key, "denoise", functools.partial(made, "denoise-25", 24, 0), solve, depends)


def test_every_case_has_methods_and_every_job_a_key_of_its_own():
    found = listed(list(CASES), 24, 1, [])
    keys = {tuple(one.key.values()) for one in found}
    assert len(keys) == len(found)
    names = {key[2] for key in keys if key[1] == "ct-15"}
    assert names == {"recipe", "fbp", "sart", "tikhonov", "tv", "deep_image_prior"}
    assert len(listed(["ct-15"], 24, 3, ["tv"])) == 3
    assert not [key for key in keys if key[2] == jobs.PLUGGED and key[1][:3] in ("den", "ct-", "mri")]


def test_bm3d_takes_the_place_of_the_patch_groups(monkeypatch):
    monkeypatch.setattr(jobs, "bm3d_denoiser", lambda values, sigma: np.full_like(values, 0.5))
    settings = change(CASES["super-2"].of(24, 0), {"tune.axes": (), "prior.rounds": 2, "prior.feedback": False})
    values, chosen = jobs.recovered(made("super-2", 24, 0), settings, jobs.plugged)
    assert (values == 0.5).all()
    assert chosen == {}


def test_a_seed_draws_other_noise_and_takes_another_picture():
    first, second = (made("denoise-25", 24, seed) for seed in (0, 1))
    assert first.truth.shape != second.truth.shape
    assert CASES["ct-15"].of(24, 4).data.image == CASES["ct-15"].of(24, 1).data.image
    assert CASES["ct-15"].of(24, 4).data.seed == 4


def test_a_stopped_command_goes_on_and_other_settings_are_run_again(tmp_path, capsys):
    calls = []

    def solve(problem):
        calls.append("done")
        return np.asarray(problem.measurements), {"a": 1}

    def stop(problem):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Study(tmp_path).run([plain(solve), plain(stop, name="tv")])
    study = Study(tmp_path)
    study.run([plain(solve)])
    assert calls == ["done"]
    assert "1 of 1 jobs are done" in capsys.readouterr().out
    (found,) = study.rows([plain(solve)])
    assert found["psnr"] == pytest.approx(20.2, abs=0.5)
    assert found["chosen"] == {"a": 1}
    np.testing.assert_array_equal(study.recovery(found), made("denoise-25", 24, 0).measurements)
    study.run([plain(solve, "other settings")])
    assert calls == ["done", "done"]
    assert len(study.results.rows) == 1


def test_the_recipe_is_the_config_with_settings_that_measurements_choose(monkeypatch):
    one = job("table", "denoise-50", "recipe", 24, 0)
    assert tuple(one.depends["prior"]["levels"]) == (0.18, 0.22, 0.28)
    problem = one.make()
    values, chosen = one.solve(problem)
    assert values.shape == problem.truth.shape
    assert chosen == {}
    settings, expected = CASES["super-2"].of(24, 0), {"prior.weight": 0.2, "prior.noise": 0.03}
    assert tuning.chosen(settings, change(settings, {**expected, "tune.axes": ()})) == expected


def test_methods_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr(jobs, "PACKAGES", {"wavelets": "nowhere", "bm3d": "nowhere", "JSENSE + L1": "nowhere"})
    names = ["noisy", "nonlocal_means", "tv", "tikhonov", "deep_image_prior"]
    assert list(methods(made("denoise-25", 24, 0))) == names
    assert "JSENSE + L1" not in methods(made("mri-4", 64, 0))
    assert "smooth maps + TV" in methods(made("mri-4", 64, 0))


def test_missing_pixels_are_a_problem_of_the_same_loop():
    problem = made("inpaint-50", 24, 0)
    assert np.mean(problem.operator.kept) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(problem.measurements, np.where(problem.operator.kept, problem.truth, 0))
    found = methods(problem)
    assert list(found) == ["inrr_jax.inpaint", "harmonic", "biharmonic", "tv", "tikhonov", "deep_image_prior"]
    filled = found["biharmonic"](problem)
    assert np.mean((filled - problem.truth) ** 2) < 0.1 * np.mean((problem.measurements - problem.truth) ** 2)
    own, other = (job("table", "inpaint-50", "tv", 24, seed).depends for seed in (0, 1))
    assert own[1] != other[1]


def test_deep_image_priors_come_last():
    names = [one.key["method"] for one in listed(["denoise-25", "mri-4"], 64, 2, [])]
    slow = [name for name in names if "deep" in name]
    assert len(slow) == 4
    assert names[-4:] == slow


def test_the_image_of_a_pair_of_fields_is_the_one_that_corners_vary():
    own = corners.settings_of("mri-5", "tucker", "TV", 64)
    assert (own.field.name, own.field.image.name, own.field.maps.name) == ("joint", "tucker", "siren")
    assert own.tune.axes[0] == ("field.image.omega", (6.25, 12.5))
    assert len(own.tune.axes) == 2


def test_corners_differ_in_field_and_energy_alone():
    settings = [
        corners.settings_of("ct-15", field, energy, 24) for field in ("siren", "grid") for energy in ("TV", "guide")
    ]
    assert [one.field.name for one in settings] == ["siren", "siren", "grid", "grid"]
    assert [one.regularizer.name for one in settings] == ["tv", "guide", "tv", "guide"]
    assert [len(one.tune.axes) for one in settings] == [2, 0, 1, 0]
    assert len(corners.listed(["ct-15", "mri-4", "mri-5"])) == 21


def test_tables_have_means_spreads_and_paired_differences():
    texts = report.tables({"table": ROWS, "corners": [], "chest": []})
    assert set(texts) == {"summary", "ct"}
    line = "| 30.50 ± 0.71 | total variation 30.00 ± 1.41 | fbp 20.00 ± 0.00 | **+0.50** (+1.00, +0.00) |"
    assert f"| `ct-15`: 15 views {line}" in texts["summary"]
    # A method that lacks a seed is shown, and not compared.
    assert "| sart | 99.00 (0.500; 4 s, 1 seed(s)) |" in texts["ct"]
    assert "| recipe | **30.50 ± 0.71** (0.500; 4 s) |" in texts["ct"]


def test_corners_and_the_chest_have_tables_of_their_own():
    combined = [
        row("ct-15", f"{f} + {e}", 0, p, "corners") for f, e, p in (("siren", "TV", 21.0), ("grid", "TV", 22.0))
    ]
    text = report.tables({"table": [], "corners": combined, "chest": [row("100 views", "grid + TV", 0, 40.0, "chest")]})
    assert "| `siren` | 21.00 |" in text["corners"]
    assert "| `grid` | **22.00** |" in text["corners"]
    assert "| grid + TV | 40.0 | 0.500 | 4 |" in text["chest"]
    assert "| SIREN, as published | 12.2 |" in text["chest"]


def test_figures_show_gains_and_recoveries(tmp_path):
    study = Study(tmp_path)
    run = [plain(lambda p: (np.asarray(p.measurements), {}), name=name) for name in ("recipe", "tv")]
    run = [one._replace(key={**one.key, "problem": "denoise-50"}) for one in run]
    study.run(run)
    report.draw(tmp_path, study, {"table": study.rows(run)})
    names = ("inverse_pictures.png", "inverse_recoveries.png")
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)


def test_sums_of_turned_pictures_agree_with_scipy():
    from scipy.ndimage import rotate

    picture = np.random.default_rng(0).random((13, 18)).astype(np.float32)
    degrees = np.array([0.0, 30.0, 90.0, 163.0])
    found = chest.turned_sums(picture.shape, degrees, 2.0).apply(jnp.asarray(picture[..., None]))[..., 0]
    options = {"reshape": False, "order": 1, "mode": "grid-constant"}
    expected = [2 * rotate(picture.astype(np.float64), angle, **options).sum(axis=0) for angle in degrees]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_sums_of_turned_pictures_agree_with_kornia():
    torch = pytest.importorskip("torch")
    geometry = pytest.importorskip("kornia.geometry")
    picture = np.random.default_rng(0).random((12, 17)).astype(np.float32)
    degrees = np.linspace(0, 180, 5)
    found = chest.turned_sums(picture.shape, degrees, 1.0).apply(jnp.asarray(picture[..., None]))[..., 0]
    stacked = torch.tensor(picture)[None, None].repeat(5, 1, 1, 1)
    turned = geometry.transform.rotate(stacked, torch.tensor(degrees, dtype=torch.float32))
    np.testing.assert_allclose(found, turned.sum(2)[:, 0], atol=2e-4)


def test_the_chest_is_measured_by_the_sums_of_100_views(tmp_path):
    images.save(tmp_path / "chest.png", images.load("camera", size=(12, 16), grey=True))
    found = chest.listed(tmp_path / "chest.png")
    problem = found[0].make()
    assert problem.measurements.shape == (100, 16, 1)
    assert problem.truth.min() == 0
    assert problem.truth.max() == 1
    np.testing.assert_allclose(problem.measurements[0, :, 0], 3 / 12 * problem.truth[..., 0].sum(axis=0), rtol=1e-5)
    assert len({one.digest for one in found}) == len(found)
