"""Ensembles: their mean and deviation, a member that diverges, and the calibration of the deviation."""

import dataclasses

import numpy as np
import pytest

import inrr_jax
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.plots import ensembles
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import ensemble

TINY = Settings(
    field=siren.Config(width=8, depth=1, precision="float32"),
    regularizer=RegularizerSettings(name="none"),
    optimizer=OptimizerSettings(name="adam", warmup=1),
    train=TrainSettings(steps=3, fibers=4, chunk=3),
)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    return masked(rng.uniform(size=(9, 8, 1)).astype(np.float32), rng.uniform(size=(9, 8)) < 0.6)


def test_the_mean_of_single_calls_is_that_of_the_ensemble_and_observed_pixels_stay(problem):
    image, missing = problem.truth[..., 0], ~problem.operator.mask
    single = [inrr_jax.inpaint(image, missing, settings=change(TINY, {"seed": seed})) for seed in (0, 1, 2)]
    filled, std = inrr_jax.inpaint(image, missing, settings=TINY, ensemble=3, return_std=True)
    np.testing.assert_allclose(filled, np.mean(single, axis=0), atol=1e-5)
    np.testing.assert_allclose(std, np.std(single, axis=0, ddof=1), atol=1e-5)
    np.testing.assert_array_equal(filled[~missing], image[~missing])
    assert filled.dtype == std.dtype == np.float32
    assert (std[~missing] == 0).all()
    assert (std[missing] > 1e-4).all()


@pytest.mark.parametrize(("ensemble", "return_std"), [(0, False), (1, True)])
def test_too_few_are_refused(problem, ensemble, return_std):
    with pytest.raises(
        UserError, match=rf"ensemble={ensemble} is out of range: give a whole number of at least {ensemble + 1}"
    ):
        inrr_jax.inpaint(problem.truth, ~problem.operator.mask, settings=TINY, ensemble=ensemble, return_std=return_std)


def test_one_that_diverges_is_named(problem):
    settings = dataclasses.replace(TINY, optimizer=OptimizerSettings(name="adam", warmup=1, field_rate=1e38))
    with pytest.raises(DivergedError, match="seed 0: step .: no number in"):
        ensemble.fit(problem, settings, 2)


def test_a_deviation_equal_to_the_error_is_calibrated_and_another_is_not(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.3, 0.7, size=(40, 40, 3)).astype(np.float32)
    mask = rng.uniform(size=(40, 40)) < 0.3
    scale = rng.uniform(0.001, 0.1, size=truth.shape)
    # The mean of S independent, unbiased members has an error 1 / sqrt(S) times that of each member.
    members = (truth + scale * rng.standard_normal((32, *truth.shape))).astype(np.float32)
    calibrated = ensemble.calibrate(members, truth, mask)
    assert len(calibrated.error) == 10
    assert (np.diff(calibrated.deviation) > 0).all()
    np.testing.assert_allclose(calibrated.error / calibrated.deviation, 32**-0.5, rtol=0.3)
    assert calibrated.correlation > 0.4
    wrong = ensemble.calibrate(members, np.clip(truth + 0.3 * rng.uniform(size=truth.shape), 0, 1), mask)
    assert wrong.error[0] > 3 * wrong.deviation[0]
    assert abs(wrong.correlation) < 0.2
    for calibration in (calibrated, None):
        mean, std = members.mean(axis=0), ensemble.deviation(members)
        ensembles.maps(tmp_path / "ensemble.png", truth, mask, mean, std, calibration)
        assert (tmp_path / "ensemble.png").stat().st_size > 0
