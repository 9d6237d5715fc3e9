"""GSR: its constants are the paper's, it stops when it has settled, and it recovers a repeated texture."""

import itertools

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.patches import gsr
from inrr_jax.priors import feedback

ROWS, COLUMNS = np.mgrid[:24, :22]
TEXTURE = (0.3 + 0.1 * (ROWS % 5) + 0.05 * (COLUMNS % 4))[..., None].astype(np.float32)
MASK = np.random.default_rng(0).random(TEXTURE.shape[:2]) < 0.4


def test_the_threshold_is_the_papers():
    edge = gsr.NOISE * (np.sqrt(60) + np.sqrt(64))
    assert 255 * edge == pytest.approx(np.sqrt(2 * 0.082 * 240 / 0.0025))


@pytest.mark.slow
def test_a_repeated_texture_is_recovered_far_better_than_by_its_start():
    found, start = (metrics.psnr(fill(TEXTURE, MASK), TEXTURE, ~MASK) for fill in (gsr.gsr, harmonic))
    assert found > start + 8


def test_it_stops_where_the_missing_pixels_have_settled(monkeypatch):
    taken, honest = [], feedback.rounds

    def counted(*args, **options):
        for estimate in honest(*args, **options):
            taken.append(estimate)
            yield estimate

    monkeypatch.setattr(feedback, "rounds", counted)
    monkeypatch.setattr(gsr, "SETTLED", 1.0)
    found = gsr.gsr(TEXTURE, MASK)
    assert len(taken) == 10
    rounds = honest(TEXTURE, MASK, harmonic(TEXTURE, MASK), gsr.GEOMETRY, gsr.NOISE, regroup=1)
    np.testing.assert_allclose(found, list(itertools.islice(rounds, 10))[-1], atol=1e-5)
