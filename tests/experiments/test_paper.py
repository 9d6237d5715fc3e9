"""The measurements of the paper's properties: recorded fits, formatted numbers, and the parts of each measurement."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.experiments.paper import FiguresSettings, momentum, runs, similarity, spectral_bias
from inrr_jax.experiments.paper.runs import Run, Runs, format_mean_and_deviation, seeded, trajectory
from inrr_jax.fields import siren
from inrr_jax.io.arrays import Arrays
from inrr_jax.operators.masking import masked
from inrr_jax.options import change, from_mapping, to_mapping
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings

TINY = Settings(
    field=siren.Config(width=8, depth=1, precision="float32"),
    regularizer=RegularizerSettings(inrr=inrr.Config(width=8, depth=1, rank=4, weight=0.5)),
    optimizer=OptimizerSettings(name="adam", warmup=2),
    train=TrainSettings(steps=12, fibers=4, chunk=4),
)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return masked(rng.uniform(size=(9, 8, 1)).astype(np.float32), rng.uniform(size=(9, 8)) < 0.6)


def test_settings_of_the_figures_survive_a_round_trip_and_refuse_to_have_no_seed():
    settings = change(FiguresSettings(), {"fit.train.steps": 7, "seeds": 2})
    assert from_mapping(to_mapping(settings), FiguresSettings) == settings
    assert (settings.fit.train.steps, settings.fit.field.width, settings.fit.regularizer.inrr.weight) == (7, 128, 0.13)
    with pytest.raises(UserError, match="seeds=0 is out of range: give a number of at least 1"):
        change(settings, {"seeds": 0})


def test_a_damaged_picture_is_refused_because_its_truth_is_unknown():
    with pytest.raises(UserError, match=r"data\.truth=False"):
        runs.load(change(TINY, {"data.size": 16, "data.truth": False}))


def test_the_seed_is_that_of_the_fit_and_of_the_mask():
    assert (seeded(TINY, 5).seed, seeded(TINY, 5).mask.seed) == (5, 5)


@pytest.mark.parametrize(
    ("values", "formatted"),
    [([1.0, 2.0, 3.0], "2.00 ± 1.00"), ([np.inf, np.inf], "inf"), ([1.0, 1.0], "1.00 ± 0.00"), ([1.5], "1.50")],
)
def test_mean_and_sample_deviation_are_formatted(values, formatted):
    assert format_mean_and_deviation(values) == formatted


def test_a_run_is_recorded_from_its_start_to_its_end(problem):
    run = Runs({}).follow(problem, TINY)
    assert run.steps.tolist() == [0, 4, 8, 12]
    assert run.recovered.shape == (4, 9, 8, 1)
    assert all(set(groups["inrr"]) == {"row", "col"} for groups in run.laplacians)
    assert not np.array_equal(run.recovered[0], run.recovered[-1])


def test_a_recorded_run_is_read_and_not_fitted_again(problem, tmp_path, monkeypatch):
    first = Runs(Arrays(tmp_path)).follow(problem, TINY)
    monkeypatch.setattr(runs.fit, "fit", lambda *args: pytest.fail("fitted again"))
    second = Runs(Arrays(tmp_path)).follow(problem, TINY)
    jax.tree.map(np.testing.assert_array_equal, first, second)
    with pytest.raises(pytest.fail.Exception, match="fitted again"):
        Runs(Arrays(tmp_path)).follow(problem, change(TINY, {"seed": 1}))


@pytest.mark.parametrize("stored_state", [True, False])
def test_an_interrupted_run_continues_from_its_last_record(problem, tmp_path, stored_state):
    whole = Runs({}).follow(problem, TINY)

    def stop(done, total):
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Runs(Arrays(tmp_path), stop).follow(problem, TINY)
    if not stored_state:  # as after an interruption between a record and its state
        (state,) = tmp_path.glob("*_state.npy")
        state.unlink()
    reported = []
    continued = Runs(Arrays(tmp_path), lambda done, total: reported.append((done, total))).follow(problem, TINY)
    jax.tree.map(np.testing.assert_array_equal, whole, continued)
    assert reported == ([(8, 12), (12, 12)] if stored_state else [(0, 12), (4, 12), (8, 12), (12, 12)])
    assert not list(tmp_path.glob("*_state.npy"))


def test_airs_matrices_learn_at_ten_times_the_rate_of_inrrs_networks():
    assert runs.regularized(TINY, "AIR").optimizer.laplacian_rate == 10 * TINY.optimizer.laplacian_rate
    assert runs.regularized(TINY, "INRR") == TINY


def test_a_frozen_run_keeps_the_laplacian_that_it_was_given(problem):
    source = Runs({}).follow(problem, TINY)
    still = change(TINY, {"optimizer.laplacian_rate": 0.0})
    frozen = Runs({}).follow(problem, still, source.laplacians[2])
    for groups in frozen.laplacians:
        for axis in ("row", "col"):
            for name, layer in source.laplacians[2]["inrr"][axis].items():
                np.testing.assert_array_equal(groups["inrr"][axis][name]["kernel"], layer["kernel"])
    learned = source.laplacians[-1]["inrr"]["row"]["first"]["kernel"]
    assert not np.array_equal(learned, frozen.laplacians[-1]["inrr"]["row"]["first"]["kernel"])


def test_a_trajectory_averages_over_observed_and_over_missing_pixels(problem):
    mask = problem.operator.mask
    off = np.where(mask[..., None], problem.truth + 0.1, problem.truth + 0.3)
    errors = trajectory(Run(np.arange(2), np.stack([problem.truth, off]).astype(np.float32), [{}, {}]), problem)
    np.testing.assert_allclose(errors.observed, [0, 0.01], atol=1e-6)
    np.testing.assert_allclose(errors.missing, [0, 0.09], atol=1e-6)


def test_directions_are_cosines_and_with_a_weight_of_zero_the_first_equals_the_second(problem):
    full, plain, energy = momentum.directions(problem, TINY)
    assert full.shape == (12,)
    assert np.isnan(energy[0])
    assert (np.abs(np.stack([full, plain, energy])[:, 1:]) <= 1 + 1e-5).all()
    assert plain[0] == pytest.approx(1, abs=1e-5)  # the first velocity is the first gradient
    assert np.abs(full - plain).max() > 1e-4
    same, plain, _ = momentum.directions(problem, change(TINY, {"regularizer.inrr.weight": 0.0}))
    np.testing.assert_allclose(same, plain, atol=1e-5)


def test_steps_to_half_are_the_first_ones_or_lie_after_the_run():
    errors = np.array([[[1.0, 0.9], [0.4, 0.8], [0.6, 0.7]]])
    reached = spectral_bias._steps_to_half(errors, np.array([0, 10, 20]))
    assert reached.tolist() == [[10, 21]]
    assert spectral_bias._format_steps(np.array([10, 21]), 20) == "not reached with every seed"
    assert spectral_bias._format_steps(np.array([10, 20]), 20) == "15 ± 7"


def test_an_adjacency_without_self_loops_is_recovered_from_its_laplacian():
    similar = jnp.array([[5.0, 1.0, 2.0], [1.0, 5.0, 0.0], [2.0, 0.0, 5.0]])
    laplacian = jnp.diag(similar.sum(axis=1)) - similar
    np.testing.assert_allclose(similarity._adjacency(laplacian), similar - 5 * jnp.eye(3), atol=1e-6)
