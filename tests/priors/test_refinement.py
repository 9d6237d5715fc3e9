"""Candidates of a refinement: which they are, and that no needless round is taken."""

import itertools

import numpy as np
import pytest

from inrr_jax.priors import conditional, feedback, refinement
from inrr_jax.priors.refinement import Rounds

MASK = np.random.default_rng(0).random((12, 11)) < 0.5
ROUNDS = Rounds((1, 3), (2,))


@pytest.fixture
def taken(monkeypatch):
    """Replace both iterations by ones that add to their start, and record which rounds are taken."""
    taken = []

    def counting(name, added):
        def rounds(image, mask, start):
            for number in itertools.count(1):
                taken.append((name, number))
                yield start + np.float32(added * number)

        return rounds

    monkeypatch.setattr(feedback, "rounds", counting("low rank", 0.01))
    monkeypatch.setattr(conditional, "rounds", counting("gaussian", 0.1))
    return taken


def start():
    return np.full((12, 11, 1), np.float32(0.25))


def test_candidates_are_the_start_and_points_of_two_trajectories(taken):
    found = refinement.candidates(start(), MASK, start(), ROUNDS)
    assert ROUNDS.names == ("start", "1 low-rank rounds", "3 low-rank rounds", "2 Gaussian rounds")
    np.testing.assert_allclose(found[:, 0, 0, 0], [0.25, 0.26, 0.28, 0.45], atol=1e-6)
    assert sorted(taken) == [("gaussian", 1), ("gaussian", 2), *(("low rank", n) for n in (1, 2, 3))]


@pytest.mark.parametrize(
    ("weights", "expected", "rounds"),
    [([0.5, 0.5, 0, 0], 0.255, 1), ([0, 0, 0, 1], 0.45, 2), ([1, 0, 0, 0], 0.25, 0), ([0, 0.2, 0.3, 0.5], 0.361, 5)],
)
def test_the_combination_takes_no_round_without_a_weight(taken, weights, expected, rounds):
    found = refinement.combined(start(), MASK, start(), np.array(weights, float), ROUNDS)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(taken) == rounds


def test_both_iterations_refine_a_picture_and_keep_what_is_observed():
    image = np.random.default_rng(1).random((12, 11, 1)).astype(np.float32)
    begun = np.where(MASK[..., None], image, np.float32(0.5))
    found = refinement.candidates(image, MASK, begun, Rounds((1,), (1,)))
    np.testing.assert_array_equal(found[:, MASK], np.broadcast_to(image[MASK], (3, MASK.sum(), 1)))
    assert len({each.tobytes() for each in found}) == 3
