"""The guide of a fit: which problems have one, and the combination of loops and of the first estimate."""

from dataclasses import replace

import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.masking import masked
from inrr_jax.operators.noise import Gaussian, Poisson
from inrr_jax.options import change
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes.inverse import guides, splitting
from inrr_jax.settings import RECONSTRUCTION, PriorSettings, TuneSettings

ROW, COLUMN = np.mgrid[:24, :24]
TRUTH = (0.25 + 0.5 * ((ROW // 6 + COLUMN // 8) % 2))[..., None].astype(np.float32)
FAST = replace(RECONSTRUCTION, prior=PriorSettings(rounds=2), tune=TuneSettings())
LEVELS = PriorSettings(levels=(0.05, 0.2))
RNG = np.random.default_rng(1)
NOISY = (TRUTH + 0.15 * RNG.normal(size=TRUTH.shape)).astype(np.float32)
PROBLEM = Problem(Domain((24, 24), 1), Direct(noise=Gaussian(0.15)), NOISY, truth=TRUTH)


def recoveries(monkeypatch, parts):
    """Replace the first estimate and the loops by given values, the first estimate by those of the key None."""
    seen = []
    monkeypatch.setattr(splitting, "first_estimate", lambda problem, prior: seen.append(None) or parts[None])
    monkeypatch.setattr(splitting, "recover", lambda problem, prior: seen.append(prior.noise) or parts[prior.noise])
    return seen


def test_the_combination_is_nearer_to_the_truth_than_each_part(monkeypatch):
    parts = {key: TRUTH + 0.1 * RNG.normal(size=TRUTH.shape).astype(np.float32) for key in (None, 0.05, 0.2)}
    recoveries(monkeypatch, parts)
    lines = []
    found = guides.guide(PROBLEM, LEVELS, lines.append)
    errors = [np.mean((part - TRUTH) ** 2) for part in parts.values()]
    assert np.mean((found - TRUTH) ** 2) < 0.5 * min(errors)
    assert found.dtype == np.float32
    assert sum("splitting loop" in line for line in lines) == 4


def test_a_loop_without_a_weight_does_not_run_again(monkeypatch):
    wrong = TRUTH + 1
    seen = recoveries(monkeypatch, {None: wrong, 0.05: TRUTH, 0.2: wrong})
    np.testing.assert_allclose(guides.guide(PROBLEM, LEVELS, lambda line: None), TRUTH, atol=0.02)
    assert seen == [None, 0.05, 0.2, None, 0.05]


def test_the_held_out_measurements_and_the_truth_are_not_used_for_the_weights(monkeypatch):
    hidden = []
    monkeypatch.setattr(splitting, "first_estimate", lambda problem, prior: hidden.append(problem) or TRUTH)
    monkeypatch.setattr(splitting, "recover", lambda problem, prior: TRUTH)
    guides.guide(PROBLEM, LEVELS, lambda line: None)
    weighing, final = hidden
    assert weighing.truth is None
    assert np.asarray(weighing.operator.kept).mean() == pytest.approx(1 - guides.SHARE, abs=0.01)
    assert final.operator.kept is None


def test_the_combination_of_real_loops_is_as_good_as_the_best():
    noisy = Problem(PROBLEM.domain, Direct(noise=Poisson(40.0)), np.maximum(NOISY, 0), truth=TRUTH)
    prior = replace(LEVELS, rounds=1, weight=1.0, feedback=False)
    found = guides.guide(noisy, prior, lambda line: None)
    errors = [np.mean((splitting.recover(noisy, replace(prior, noise=n)) - TRUTH) ** 2) for n in prior.levels]
    assert np.mean((found - TRUTH) ** 2) < 1.05 * min(errors)
    assert min(errors) < 0.6 * np.mean((NOISY - TRUTH) ** 2) < max(errors)


@pytest.mark.parametrize("levels", [(0.1, -1.0), ("low",), (0.0,), (float("nan"),)])
def test_wrong_levels_get_one_line(levels):
    with pytest.raises(UserError, match="prior.levels=") as caught:
        guides.guide(PROBLEM, PriorSettings(levels=levels), lambda line: None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("problem", "changes", "expected"),
    [
        (PROBLEM, {}, True),
        (PROBLEM, {"regularizer.name": "tv"}, False),
        (PROBLEM.with_auxiliary(guide=TRUTH), {}, False),
        (PROBLEM._replace(domain=Domain((4, 4, 4), 1)), {}, False),
        (masked(TRUTH, np.ones(TRUTH.shape[:2], bool)), {}, False),
    ],
)
def test_the_first_estimate_is_shared_where_the_fit_needs_the_loop(problem, changes, expected, monkeypatch):
    monkeypatch.setattr(splitting, "first_estimate", lambda problem, prior: prior.start)
    found = guides.started(problem, change(FAST, {"prior.start": "tv", **changes}))
    assert found.auxiliary.get(splitting.START) == ("tv" if expected else None)
