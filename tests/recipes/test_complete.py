"""Tests of inrr_jax.recipes.complete and inrr_jax.recipes.completion."""

from dataclasses import replace

import numpy as np
import pytest

import inrr_jax
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.operators.sampling import Sampling
from inrr_jax.options import change
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes import complete, completion, holdout
from inrr_jax.recipes.completion import Range

QUICK = change(inrr_jax.COMPLETION, {"train.steps": 60, "train.chunk": 60, "field.precision": "float32"})
RNG = np.random.default_rng(0)


def smooth(shape):
    """Return a smooth signal of low rank around 300, with an amplitude of 40."""
    axes = np.meshgrid(*(np.linspace(0, 3, n) for n in shape), indexing="ij")
    return 300 + 40 * np.sin(sum(axes)) + 5 * axes[0]


@pytest.fixture(scope="module", autouse=True)
def short_studies():
    """One hold-out per study, and three completions in it; a test of several hold-outs sets another number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "MOST_DRAWS", 1)
        some = {name: completion.COMPLETIONS[name] for name in ("linear", "als", "tctv")}
        patch.setattr(completion, "COMPLETIONS", some)
        yield


@pytest.fixture
def unkriged(monkeypatch):
    """No kriging, which takes longest, in tests of something else."""
    monkeypatch.setattr(completion, "MOST_KRIGED", 0)


@pytest.fixture(scope="module")
def tensor():
    """A signal, the signal with NaN where it is missing, and its completion."""
    truth = smooth((12, 10, 8))
    damaged = np.where(RNG.random(truth.shape) < 0.7, np.nan, truth)
    return truth, damaged, inrr_jax.complete(damaged, settings=QUICK, details=True)


def test_a_tensor_is_completed_in_its_own_units(tensor):
    truth, damaged, done = tensor
    missing = np.isnan(damaged)
    assert done.values.dtype == np.float64
    np.testing.assert_array_equal(done.values[~missing], truth[~missing])
    assert np.sqrt(np.mean((done.values - truth)[missing] ** 2)) < 2.0  # the signal has a deviation of 29


def test_the_deviation_covers_the_errors_and_is_zero_where_observed(tensor):
    truth, damaged, done = tensor
    missing = np.isnan(damaged)
    assert (done.deviation[~missing] == 0).all()
    covered = np.abs(done.values - truth)[missing] < holdout.QUANTILE * done.deviation[missing]
    assert 0.8 < covered.mean() < 0.97


def test_the_field_is_in_the_units_and_coordinates_of_the_caller(tensor):
    truth, _, done = tensor
    index = np.array([[3, 4, 5], [10, 2, 7]])
    np.testing.assert_allclose(done.field(index)[:, 0], truth[tuple(index.T)], atol=25)


def test_a_mask_marks_what_is_observed_and_missing_values_are_not_used():
    truth = smooth((9, 8)).astype(np.float32)
    observed = RNG.random(truth.shape) < 0.5
    done = [
        inrr_jax.complete(np.where(observed, truth, other), observed, settings=QUICK) for other in (np.nan, 1e9, -5.0)
    ]
    assert done[0].dtype == np.float32
    np.testing.assert_array_equal(done[0], done[1])
    np.testing.assert_array_equal(done[0], done[2])


def test_masked_entries_of_a_masked_array_are_missing(unkriged):
    truth = smooth((9, 8))
    hidden = RNG.random(truth.shape) < 0.4
    done = inrr_jax.complete(np.ma.masked_array(np.where(hidden, 1e9, truth), hidden), settings=QUICK)
    np.testing.assert_array_equal(done, inrr_jax.complete(np.where(hidden, np.nan, truth), settings=QUICK))


def test_integers_stay_integers_and_channels_are_missing_together(unkriged):
    truth = np.rint(np.stack([smooth((9, 8)), 2 * smooth((9, 8))], axis=-1)).astype(np.int16)
    observed = RNG.random(truth.shape[:-1]) < 0.6
    done = inrr_jax.complete(truth, observed, channels=True, settings=QUICK)
    assert done.dtype == np.int16
    assert done.shape == truth.shape
    np.testing.assert_array_equal(done[observed], truth[observed])


def test_a_single_axis_is_completed():
    truth = smooth((40,))
    damaged = np.where(np.arange(40) % 3 == 1, np.nan, truth)
    assert np.abs(inrr_jax.complete(damaged, settings=QUICK) - truth).max() < 5


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.float64(3), {}, "with one axis or more"),
        (["1 K", "2 K"], {}, "values are <U3 of shape .*: give real numbers"),
        ([[1, 2], [3]], {}, "values: its rows have different lengths"),
        (np.zeros((3, 0)), {}, "with one axis or more"),
        (np.ones((4, 4), complex), {}, "real numbers"),
        (np.ones((4, 4), bool), {}, "real numbers"),
        (np.ones((4, 4)), {}, "nothing is missing"),
        (np.full((4, 4), np.nan), {}, "nothing is observed"),
        (np.ones((4, 4)), {"observed": np.ones((4, 5), bool)}, r"give bool of shape \(4, 4\)"),
        (np.ones((4, 4)), {"observed": np.ones((4, 4))}, "observed is float64"),
        (np.array([[np.inf, 1], [np.nan, 2]]), {}, "NaN or infinite"),
        (np.array([[np.nan, 1.0], [3, 2]]), {"spacing": (1.0,)}, "each of the 2 axes"),
        (np.array([[np.nan, 1.0], [3, 2]]), {"spacing": (1.0, -2.0)}, "each of the 2 axes"),
        (np.array([[np.nan, 1.0], [3, 2]]), {"settings": inrr_jax.RECIPE}, "correction=stacked is for pictures"),
    ],
)
def test_wrong_input_is_refused(values, options, message):
    with pytest.raises(UserError, match=message) as caught:
        inrr_jax.complete(values, **options)
    assert "\n" not in str(caught.value)


def test_blending_is_for_masked_signals_with_something_to_hold_out():
    raw = np.zeros((4, 4, 1), np.float32)
    points = Problem(Domain((4, 4), 1), Sampling(np.zeros((3, 2), np.float32)), np.zeros((3, 1), np.float32))
    with pytest.raises(UserError, match="measurements are of another kind"):
        completion.study(points, lambda problem: raw, print)
    with pytest.raises(UserError, match="at least 2 are needed"):
        inrr_jax.complete(np.where(np.eye(4, 4) * [1, 0, 0, 0], 1.0, np.nan), settings=QUICK)


def test_the_better_recovery_gets_the_weight_in_its_range():
    truth = RNG.standard_normal((2000, 1)).astype(np.float32)
    places = np.repeat([0, 3], 1000)
    noise = RNG.standard_normal((2, 2000, 1)).astype(np.float32)
    level = np.where(places == 0, 0.1, 1.0)[:, None], np.where(places == 0, 1.0, 0.1)[:, None]
    estimates = truth + noise * np.stack(level).astype(np.float32)
    near, _, _, far = completion.weigh(estimates, truth, places, np.arange(2000))
    assert near.weights[0] > 0.95
    assert far.weights[1] > 0.95
    error = np.tensordot(near.weights, estimates[:, :1000] - truth[:1000], 1)
    assert near.floor == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-3)


def test_a_diverged_recovery_gets_no_weight():
    truth = RNG.standard_normal((200, 1)).astype(np.float32)
    estimates = np.stack([truth + 0.1, np.full_like(truth, np.nan)])
    ranges = completion.weigh(estimates, truth, np.zeros(200, int), np.arange(200))
    assert [r.weights.tolist() for r in ranges] == [[1.0, 0.0]] * completion.RANGES
    values, _ = completion.combine(estimates, ranges, np.zeros(200, int))
    np.testing.assert_allclose(values, truth + 0.1, rtol=1e-6)


@pytest.mark.parametrize(("whole", "draws"), [(True, 3), (False, 1)], ids=["whole rows", "single entries"])
def test_hold_outs_with_few_pieces_are_drawn_several_times(unkriged, monkeypatch, whole, draws):
    monkeypatch.setattr(completion, "MOST_DRAWS", 3)
    observed = np.broadcast_to((np.arange(40) % 20 < 14)[:, None], (40, 30)) if whole else RNG.random((40, 30)) < 0.5
    values = np.where(observed, smooth((40, 30)), np.nan)
    hidden = []

    def solve(problem):
        hidden.append(np.asarray(problem.operator.mask))
        return np.zeros((40, 30, 1), np.float32)

    problem = masked(np.nan_to_num(values)[..., None].astype(np.float32), observed, truth=False)
    found = completion.study(problem, solve, lambda line: None)
    assert len(hidden) == draws
    assert len({training.tobytes() for training in hidden}) == draws
    assert not any((training & ~observed).any() for training in hidden)
    assert len(found.places) == (~observed).sum()


def test_deviations_grow_with_the_disagreement():
    ranges = [Range(np.array([0.5, 0.5]), 0.1, 2.0)] * completion.RANGES
    recovered = np.array([[[0.0], [0.0]], [[0.0], [2.0]]], np.float32)
    values, deviation = completion.combine(recovered, ranges, np.array([0, 3]))
    np.testing.assert_allclose(values[:, 0], [0, 1])
    np.testing.assert_allclose(deviation[:, 0], [0.2, 2 * np.hypot(1, 0.1)], rtol=1e-6)


def test_the_default_has_a_learned_energy_unless_the_signal_is_large():
    assert complete.default_settings(10**6).regularizer.name == "inrr"
    assert complete.default_settings(10**6 + 1) == inrr_jax.COMPLETION


def test_settings_without_blending_have_no_deviation():
    damaged = np.where(RNG.random((8, 8)) < 0.3, np.nan, smooth((8, 8)))
    done = inrr_jax.complete(damaged, settings=replace(QUICK, correction="none"), details=True)
    assert done.deviation is None
    assert np.isfinite(done.values).all()
