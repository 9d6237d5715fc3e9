import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data.problem import Problem
from inrr_jax.experiments.paper import momentum, similarity, spectral_bias
from inrr_jax.experiments.paper.runs import Run, follow, seeded, spread, trajectory
from inrr_jax.settings import (
    FieldSettings,
    OptimizerSettings,
    RegularizerSettings,
    Settings,
    TrainSettings,
    WeightSettings,
    change,
)

TINY = Settings(
    field=FieldSettings(width=8, depth=1, precision="float32"),
    regularizer=RegularizerSettings(width=8, depth=1, rank=4, weight=WeightSettings(inrr=0.5)),
    optimizer=OptimizerSettings(name="adam", warmup=2),
    train=TrainSettings(steps=12, fibers=4, chunk=4),
)


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    return Problem(rng.uniform(size=(9, 8, 1)).astype(np.float32), rng.uniform(size=(9, 8)) < 0.6)


def test_the_seed_is_the_fit_s_and_the_mask_s():
    assert (seeded(TINY, 5).seed, seeded(TINY, 5).mask.seed) == (5, 5)


@pytest.mark.parametrize(
    ("values", "told"), [([1.0, 2.0, 3.0], "2.00 ± 1.00"), ([np.inf, np.inf], "inf"), ([1.0, 1.0], "1.00 ± 0.00")]
)
def test_spread_tells_mean_and_sample_deviation(values, told):
    assert spread(values) == told


def test_a_run_is_looked_at_from_its_start_to_its_end(task):
    run = follow(task, TINY)
    assert run.steps.tolist() == [0, 4, 8, 12]
    assert run.recovered.shape == (4, 9, 8, 1)
    assert all(set(groups["inrr"]) == {"row", "col"} for groups in run.laplacians)
    assert not np.array_equal(run.recovered[0], run.recovered[-1])


def test_a_frozen_run_keeps_the_laplacian_of_the_run_that_it_came_from(task):
    source = follow(task, TINY)
    still = change(TINY, {"optimizer.laplacian_rate": 0.0})
    frozen = follow(task, still, source.laplacians[2])
    for groups in frozen.laplacians:
        for axis in ("row", "col"):
            for name, layer in source.laplacians[2]["inrr"][axis].items():
                np.testing.assert_array_equal(groups["inrr"][axis][name]["kernel"], layer["kernel"])
    learned = source.laplacians[-1]["inrr"]["row"]["first"]["kernel"]
    assert not np.array_equal(learned, frozen.laplacians[-1]["inrr"]["row"]["first"]["kernel"])


def test_a_trajectory_averages_over_observed_and_over_missing_pixels(task):
    off = np.where(task.mask[..., None], task.image + 0.1, task.image + 0.3)
    errors = trajectory(Run(np.arange(2), np.stack([task.image, off]).astype(np.float32), [{}, {}]), task)
    np.testing.assert_allclose(errors.observed, [0, 0.01], atol=1e-6)
    np.testing.assert_allclose(errors.missing, [0, 0.09], atol=1e-6)


def test_directions_are_cosines_and_without_weight_inrr_s_is_the_plain_one(task):
    full, plain, energy = momentum.directions(task, TINY)
    assert full.shape == (12,)
    assert np.isnan(energy[0])
    assert (np.abs(np.stack([full, plain, energy])[:, 1:]) <= 1 + 1e-5).all()
    assert plain[0] == pytest.approx(1, abs=1e-5)  # the first velocity is the first gradient
    assert np.abs(full - plain).max() > 1e-4
    same, plain, _ = momentum.directions(task, change(TINY, {"regularizer.weight.inrr": 0.0}))
    np.testing.assert_allclose(same, plain, atol=1e-5)


def test_steps_to_half_are_the_first_ones_and_beyond_the_run_if_there_are_none():
    errors = np.array([[[1.0, 0.9], [0.4, 0.8], [0.6, 0.7]]])
    reached = spectral_bias._steps_to_half(errors, np.array([0, 10, 20]))
    assert reached.tolist() == [[10, 21]]
    assert spectral_bias._told(np.array([10, 21]), 20) == "not reached with every seed"
    assert spectral_bias._told(np.array([10, 20]), 20) == "15 ± 7"


def test_an_adjacency_comes_back_from_its_laplacian_without_self_loops():
    similar = jnp.array([[5.0, 1.0, 2.0], [1.0, 5.0, 0.0], [2.0, 0.0, 5.0]])
    laplacian = jnp.diag(similar.sum(axis=1)) - similar
    np.testing.assert_allclose(similarity._adjacency(laplacian), similar - 5 * jnp.eye(3), atol=1e-6)
