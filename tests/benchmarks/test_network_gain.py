"""The comparison of networks, controls and variations at a tiny size."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import network_gain, network_variants
from inrr_jax.operators.masking import masked, paste
from inrr_jax.options import change
from inrr_jax.priors.patch_groups import Geometry
from inrr_jax.recipes import blending, holdout, pipeline
from inrr_jax.recipes.stacking import HiddenFills, Stack, names, starts
from inrr_jax.settings import RECIPE
from inrr_jax.training import fit

TINY = change(
    RECIPE,
    {
        "field.width": 8,
        "field.depth": 2,
        "train.steps": 6,
        "train.fibers": 4,
        "train.chunk": 2,
        "field.precision": "float32",
    },
)


def example(side=12):
    """Return a problem with a guide that is wrong by a wave at its missing pixels."""
    y, x = np.mgrid[:side, :side] / side
    image = (0.5 + 0.3 * np.sin(7 * x + 3 * y))[..., None].astype(np.float32)
    problem = masked(image, np.random.default_rng(0).random((side, side)) < 0.5)
    guide = paste(image + 0.1 * np.cos(40 * x * y)[..., None].astype(np.float32), image, problem.operator.mask)
    return problem.with_auxiliary(guide=guide)


def prepared(problem):
    """Return a problem with a stack whose hold-out problem has the same guide."""
    guide, eye = problem.auxiliary["guide"], np.eye(6, dtype=np.float32)[0]
    hidden = holdout.hold_out_components(np.asarray(problem.measurements), problem.operator.mask)
    fills = HiddenFills(hidden, np.stack([0.5 + 0 * guide] * 4), np.stack([guide] * 6), guide)
    return pipeline.Prepared(
        problem, Stack(eye[:4], names(starts(problem.operator.mask)), guide, eye, guide, hidden=fills)
    )


def test_roughness_is_zero_for_smooth_pictures_and_one_for_noise_and_sees_observed_pixels_alone():
    rng = np.random.default_rng(0)
    ramp = np.mgrid[:100, :100].sum(0)[..., None].astype(np.float32) / 200
    mask = rng.random((100, 100)) < 0.5
    noise = rng.random((100, 100, 1), np.float32)
    assert network_gain.roughness(ramp, mask) < 0.01
    assert network_gain.roughness(noise, mask) == pytest.approx(1, abs=0.05)
    hidden = np.where(mask[..., None], ramp, noise)
    assert network_gain.roughness(hidden, mask) == network_gain.roughness(ramp, mask)
    assert np.isnan(network_gain.roughness(ramp, np.eye(100, dtype=bool)))


@pytest.fixture
def few_rounds(monkeypatch):
    """Blends without the rounds of patch groups, whose programs take seconds to compile."""
    halfway = lambda image, mask, start, rounds: np.stack([start, (start + 0.5) / 2])  # noqa: E731
    monkeypatch.setattr(blending.refinement, "candidates", halfway)


def test_the_blend_of_the_fit_is_that_of_the_recipe(few_rounds):
    ready = prepared(example())
    raw, values, weights = network_gain.blended(ready, TINY, fit.solve)
    again = fit.solve(ready.problem, TINY)
    np.testing.assert_array_equal(raw, again)
    np.testing.assert_array_equal(values, pipeline.finish(again, ready, TINY))
    assert weights.sum() == pytest.approx(1)


def test_the_controls_are_the_guide_where_a_grid_stays_and_the_guide_after_a_filter():
    problem = example()
    guide = problem.auxiliary["guide"]
    grid = change(TINY, {"field.name": "grid", "optimizer.name": "adam", "train.fibers": 0})
    np.testing.assert_array_equal(fit.solve(problem, grid), guide)
    np.testing.assert_array_equal(network_variants.unchanged(problem, TINY), guide)
    assert np.ptp(np.diff(network_variants.blurred(problem, TINY), axis=0)) < 0.7 * np.ptp(np.diff(guide, axis=0))


def test_a_guide_weight_that_does_not_fall_is_the_plain_fit():
    problem = example()
    plain = fit.solve(problem, TINY)
    np.testing.assert_array_equal(network_variants.annealed(problem, TINY, lambda share: 1.0), plain)
    assert (network_variants.annealed(problem, TINY) != plain).any()


def test_the_residual_is_fitted_without_the_values_of_missing_pixels(monkeypatch):
    problem, fitted = example(), []
    exact = lambda hidden, settings: fitted.append(hidden) or hidden.auxiliary["guide"]  # noqa: E731
    monkeypatch.setattr(network_variants.fit, "solve", exact)
    found = network_variants.residual(problem, TINY)
    # A fit that equals its guide gives the guide of the picture.
    np.testing.assert_allclose(found, problem.auxiliary["guide"].clip(0, 1), atol=1e-6)
    assert fitted[0].truth is None
    assert not fitted[0].measurements[~problem.operator.mask].any()
    assert fitted[0].measurements[problem.operator.mask].any()


def test_an_ensemble_is_the_mean_over_the_seeds(monkeypatch):
    monkeypatch.setattr(network_variants.fit, "solve", lambda problem, settings: np.full((2, 2, 1), settings.seed))
    found = network_variants.ensemble(example(), change(TINY, {"seed": 4}))
    np.testing.assert_array_equal(found, np.full((2, 2, 1), 5))


def test_group_functions_recover_a_picture_of_equal_patches(monkeypatch):
    monkeypatch.setattr(network_variants, "GROUP_STEPS", 150)
    monkeypatch.setattr(network_variants, "GEOMETRY", Geometry(side=8, spacing=8, radius=8, members=8))
    side = 16
    wave = 0.5 + 0.2 * np.cos(np.pi / 4 * np.arange(side))
    image = np.broadcast_to(wave[:, None, None], (side, side, 1)).astype(np.float32)
    mask = np.random.default_rng(1).random((side, side)) < 0.5
    problem = masked(image, mask)
    guide = np.where(mask[..., None], image, image + np.random.default_rng(2).normal(0, 0.1, image.shape))
    found = network_variants.group_functions(problem.with_auxiliary(guide=jnp.float32(guide)), TINY)
    errors = [np.sqrt(np.mean(np.square(values - image)[~mask])) for values in (found, guide)]
    assert errors[0] < 0.5 * errors[1]


def row(method, psnr, seed=0, picture="camera", rate=0.9):
    """Return a row of a table."""
    scores = {"psnr": psnr, "raw": psnr - 1, "weight": 0.5, "cpu": 2.0}
    return {"picture": picture, "rate": rate, "seed": seed, "method": method, "digest": "", **scores}


def test_gains_are_paired_by_case():
    rows = [row("grouped", 20), row("grouped", 22, 1), row("network", 20.5), row("network", 22.1, 1)]
    rows += [row("grouped", 30, picture="coins"), row("network", 29.9, picture="coins"), row("ensemble of 3", 20.7)]
    found = network_gain.gains(rows)
    np.testing.assert_allclose(found["network"]["camera", 0.9], [0.5, 0.1])
    table = network_gain.summary(rows)
    assert "| network | 2 | +0.10 ± 0.20 | -0.10 to +0.30 | +0.17 | -0.83 | 0.50 | 2 |" in table
    assert "| ensemble of 3 | 1 | +0.70 | +0.70 to +0.70 | +0.50 | -0.30 |" in table
    assert "+0.30 (+0.10 to +0.50) |" in network_gain.by_rate(rows, "network", 16)


def test_a_second_run_computes_nothing_and_writes_the_page(tmp_path, monkeypatch, capsys):
    recovered = []

    def recover(problem, settings, methods):
        assert problem.domain.shape == (16, 16)
        for method in methods:
            recovered.append(method)
            yield method, {"psnr": 20.0 + len(recovered), "raw": 19.0, "weight": 0.5, "cpu": 2.0}

    monkeypatch.setattr(network_gain, "recover", recover)
    page = tmp_path / "quality.md"
    page.write_text("".join(f"<!-- {n}: begin -->\n<!-- {n}: end -->\n" for n in ("network-gain", "network-methods")))
    (tmp_path / "figures").mkdir()
    flags = ["--size", "16", "--pictures", "camera", "--rates", "0.5", "--workdir", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["network_gain", *flags, "--docs", str(tmp_path)])
    network_gain.main()
    network_gain.main()
    assert recovered == ["grouped", *network_gain.MAIN]
    assert "| camera |" in page.read_text()
    assert (tmp_path / "figures" / "network_gain.png").stat().st_size > 0
    assert "| network | 1 | +1.00" in capsys.readouterr().out


def test_a_recovery_has_the_scores_of_every_method(monkeypatch, few_rounds):
    problem = network_gain.make("camera", 0.5, 0, 16)
    ready = prepared(problem.with_auxiliary(guide=np.full((16, 16, 1), 0.4, np.float32)))
    monkeypatch.setattr(network_gain.pipeline, "prepare", lambda problem, settings: ready)
    found = dict(network_gain.recover(problem, TINY, ["grouped", "guide again"]))
    assert found["grouped"]["psnr"] < 20
    assert found["grouped"].keys() == {"psnr", "roughness", "cpu"}
    assert found["guide again"].keys() == {"psnr", "raw", "weight", "cpu"}
    assert 0 <= found["guide again"]["weight"] <= 1
