"""The comparison of what is held out for X-rays: its rows, their means, and its figure."""

import numpy as np
import pytest

from benchmarks import measure
from benchmarks.inverse import held_out
from inrr_jax.metrics import psnr
from inrr_jax.options import change
from inrr_jax.recipes.inverse import guides


def test_a_row_has_the_gains_of_all_rules(monkeypatch, tmp_path):
    quick = change(held_out.ct.SETTINGS, {"prior.rounds": 1, "prior.start": "tikhonov", "prior.levels": (0.02, 0.3)})
    monkeypatch.setattr(held_out.ct, "SETTINGS", quick)
    found = held_out.row("coins", "10 views", 24)
    gains = found["gains"]
    assert set(gains) == set(held_out.RULES)
    assert gains["loop by truth"] >= max(gains["loop by rays"], gains["loop by views"])
    other = {**found, "slice": "moon", "gains": {rule: gain + 1 for rule, gain in gains.items()}}
    (mean,) = held_out.means([found, other])
    assert mean["gains"]["mean"] == pytest.approx(gains["mean"] + 0.5)
    assert measure.table([found, other, mean], held_out.COLUMNS).count("\n") == 4
    held_out.figure(tmp_path / "held_out.png", [found, other])
    assert (tmp_path / "held_out.png").stat().st_size > 0


def test_gains_are_over_the_first_candidate(monkeypatch):
    settings = held_out.settings_of("coins", "10 views", 24)
    problem = held_out.load(settings.data, settings.mask)
    noise = np.random.default_rng(0).normal(size=(3, *problem.truth.shape))
    parts = (problem.truth + np.array([0.1, 0.3, 0.05]).reshape(3, 1, 1, 1) * noise).astype(np.float32)
    monkeypatch.setattr(guides, "candidates", lambda problem, prior: parts)
    score, gains = held_out.gains(problem, settings)
    assert score == pytest.approx(float(psnr(parts[0], problem.truth)))
    best = float(psnr(parts[2], problem.truth)) - score
    assert gains["loop by truth"] == gains["loop by views"] == pytest.approx(best, abs=1e-4)
    assert gains["combined by views"] > gains["loop by views"]
