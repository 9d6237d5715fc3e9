"""The splitting loop, the choice of settings, and reconstruction in one call."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import inrr_jax
from inrr_jax.data.kinds.inverse import deblur, denoise, super_resolution
from inrr_jax.data.kinds.inverse.pictures import Scene
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.noise import Gaussian, Poisson
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes.inverse import splitting, tuning
from inrr_jax.settings import RECONSTRUCTION, PriorSettings, Settings, TuneSettings

WHOLE = MaskSettings(mode="none")
SIDE = 24
ROW, COLUMN = np.mgrid[:SIDE, :SIDE]
TRUTH = (0.25 + 0.5 * ((ROW // 6 + COLUMN // 8) % 2))[..., None].astype(np.float32)
SCENE = Scene(TRUTH, np.kron(TRUTH, np.ones((2, 2, 1), np.float32)))
FAST = replace(RECONSTRUCTION, prior=PriorSettings(rounds=2), tune=TuneSettings())


def error(values):
    return float(np.mean((values - TRUTH) ** 2))


def noisy(sigma=0.15):
    noise = np.random.default_rng(1).normal(size=TRUTH.shape)
    operator = Direct(noise=Gaussian(sigma))
    return Problem(Domain(TRUTH.shape[:2], 1), operator, (TRUTH + sigma * noise).astype(np.float32), truth=TRUTH)


def test_the_loop_removes_most_of_the_noise():
    prior = PriorSettings(rounds=1, weight=1.0, noise=0.15, decay=1.0, feedback=False)
    assert error(splitting.recover(noisy(), prior)) < 0.25 * error(noisy().measurements)


def test_a_data_step_solves_its_normal_equations():
    problem, target = noisy().visible, jnp.full(TRUTH.shape, 0.3)
    found = splitting.data_step(problem, jnp.zeros(TRUTH.shape), target, 0.5)
    np.testing.assert_allclose(found, (problem.measurements + 0.5 * target) / 1.5, atol=1e-4)


@pytest.mark.parametrize(("kind", "copies"), [(super_resolution.Config(factor=4), 4), (deblur.Config(sigma=0.01), 1)])
def test_the_loop_is_ahead_of_what_was_measured(kind, copies):
    problem = kind.problem(SCENE, WHOLE)
    copied = np.repeat(np.repeat(problem.measurements, copies, axis=0), copies, axis=1)
    assert error(splitting.recover(problem, PriorSettings(rounds=3, noise=0.03))) < 0.8 * error(copied)


def test_groups_are_searched_for_in_every_third_round(monkeypatch):
    searched, search = [], splitting.search
    monkeypatch.setattr(splitting, "search", lambda values, sigma: searched.append(sigma) or search(values, sigma))
    splitting.recover(noisy(), PriorSettings(rounds=7, noise=0.1, decay=1.0))
    assert len(searched) == 3


def test_any_denoiser_takes_the_place_of_the_patch_groups():
    levels = []
    prior = PriorSettings(rounds=3, noise=0.2, decay=0.25, feedback=False)
    found = splitting.recover(noisy(), prior, lambda values, sigma: levels.append(sigma) or np.full_like(values, 0.5))
    np.testing.assert_allclose(levels, [0.2, 0.1, 0.05])
    assert (found == 0.5).all()


def test_poisson_noise_and_a_mask_are_part_of_the_problem():
    problem = denoise.Config(noise="poisson", peak=20.0).problem(SCENE, MaskSettings(mode="random", rate=0.3))
    assert problem.operator.noise == Poisson(20.0)
    assert (problem.measurements[~np.asarray(problem.operator.kept)] == 0).all()
    found = splitting.recover(problem, PriorSettings(rounds=2, weight=1.0, noise=0.15, feedback=False))
    assert error(found) < 0.5 * error(problem.measurements)


def test_a_measured_picture_is_the_measurement_itself():
    problem = super_resolution.Config(factor=3, truth=False).problem(Scene(TRUTH, None), WHOLE)
    assert problem.domain.shape == (72, 72)
    assert problem.truth is None
    np.testing.assert_array_equal(problem.measurements, TRUTH)


def blurred_to(weight):
    """Return a solver whose recoveries are smoother or rougher by a setting, for the rules of the choice."""

    def solve(problem, settings):
        kept = np.ones(TRUTH.shape, bool) if problem.operator.kept is None else np.asarray(problem.operator.kept)
        mean = problem.measurements[np.broadcast_to(kept, TRUTH.shape)].mean()
        shrunk = settings.prior.weight * problem.measurements + (1 - settings.prior.weight) * mean
        return np.where(kept, shrunk, mean).astype(np.float32)

    return solve


@pytest.mark.parametrize("rule", ["discrepancy", "sure"])
def test_rules_that_know_the_noise_choose_the_right_shrinkage(rule):
    # The best linear shrinkage of these values is var / (var + noise²) = 0.74; fits of less than the noise overfit.
    sigma, settings = 0.15, Settings(tune=TuneSettings(axes=(("prior.weight", (0.2, 0.5, 0.75, 0.99)),), rule=rule))
    chosen = tuning.tune(noisy(sigma), settings, blurred_to(0), lambda line: None)
    assert chosen.prior.weight == (0.5 if rule == "discrepancy" else 0.75)
    assert chosen.tune.axes == ()


def test_the_risk_estimate_is_near_the_error():
    problem = noisy()
    found = tuning.risk(problem, 0.15, lambda p: 0.75 * p.measurements + 0.25 * 0.5)
    assert found == pytest.approx(error(0.75 * problem.measurements + 0.125), abs=0.003)


def test_the_holdout_prefers_the_better_prior():
    axes = (("prior.noise", (0.001, 0.15)),)
    prior = PriorSettings(rounds=1, weight=1.0, feedback=False)
    lines = []
    chosen = tuning.tune(
        noisy(),
        replace(FAST, prior=prior, tune=TuneSettings(axes=axes)),
        lambda p, s: splitting.recover(p, s.prior),
        lines.append,
    )
    assert chosen.prior.noise == 0.15
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (TuneSettings(axes=("prior.noise",)), "give"),
        (TuneSettings(axes=(("prior.noise", (0.1, 0.2)),), rule="sure"), "needs the standard deviation"),
    ],
)
def test_wrong_choices_get_one_line(settings, message):
    problem = noisy()._replace(operator=Direct())
    with pytest.raises(UserError, match=message) as caught:
        tuning.tune(problem, replace(FAST, tune=settings), blurred_to(0), lambda line: None)
    assert "\n" not in str(caught.value)


def test_candidates_share_the_first_estimate_of_total_variation(monkeypatch):
    calls = []

    def tv(problem):
        calls.append(problem.operator.kept is None)
        return np.asarray(problem.measurements)

    monkeypatch.setattr(splitting.tv, "tv", tv)
    prior = PriorSettings(rounds=1, weight=1.0, feedback=False, start="tv")
    settings = replace(FAST, prior=prior, tune=TuneSettings(axes=(("prior.noise", (0.001, 0.1, 0.15)),)))
    tuning.tune(noisy(), settings, lambda p, s: splitting.recover(p, s.prior), lambda line: None)
    assert calls == [False]
    splitting.recover(noisy(), prior)
    assert calls == [False, True]


class LikeScico:
    """An operator with SCICO's interface."""

    input_shape = (SIDE, SIDE)

    def __call__(self, values):
        """Return blurred values."""
        return (values + jnp.roll(values, 1, 0)) / 2


def test_a_function_with_scicos_interface_is_inverted_in_its_own_units():
    measured = 1000 * np.asarray(LikeScico()(TRUTH[..., 0]))
    found = inrr_jax.reconstruct(LikeScico(), measured, scale=1000.0, settings=FAST)
    assert found.shape == (SIDE, SIDE)
    assert error(found[..., None] / 1000) < 0.5 * error(measured[..., None] / 1000)


def test_a_volume_is_recovered_by_total_variation():
    truth = np.zeros((6, 8, 10), np.float32)
    truth[2:5, 2:6, 3:8] = 1
    measured = truth + 0.2 * np.random.default_rng(0).normal(size=truth.shape)
    found = inrr_jax.reconstruct(lambda v: v, measured, truth.shape, noise=0.2)
    assert np.mean((found - truth) ** 2) < 0.8 * np.mean((measured - truth) ** 2)


@pytest.mark.parametrize(
    ("operator", "shape", "options", "message"),
    [
        (3, (SIDE, SIDE), {}, "cannot be called"),
        (jnp.sin, None, {}, "shape=None"),
        (jnp.sin, (SIDE, SIDE + 1), {}, "the operator returns"),
        (lambda v: v @ jnp.ones(3), (SIDE, SIDE), {}, "the operator fails"),
        (jnp.sin, (SIDE, SIDE), {"noise": -1.0}, "noise=-1"),
        (jnp.sin, (SIDE, SIDE), {"scale": 0.0}, "scale=0"),
    ],
)
def test_wrong_arguments_get_one_line(operator, shape, options, message):
    with pytest.raises(UserError, match=message) as caught:
        inrr_jax.reconstruct(operator, TRUTH[..., 0], shape, **options)
    assert "\n" not in str(caught.value)


def test_measurements_that_are_no_numbers_are_refused():
    with pytest.raises(UserError, match="1 measurements are no finite numbers"):
        inrr_jax.reconstruct(jnp.sin, np.where(TRUTH[..., 0] == TRUTH[0, 0], np.nan, 1)[:1, :1], (1, 1))
