"""The benchmark of the chain of fills: what its rows hold."""

import numpy as np
import pytest

from benchmarks import tile_fills
from inrr_jax import metrics
from inrr_jax.recipes.tiles import chain


@pytest.mark.parametrize("version", ["1 rounds each", "chain"])
def test_a_row_has_the_scores_of_the_mean_of_the_fills(monkeypatch, version):
    monkeypatch.setattr(tile_fills, "SHAPE", (40, 44))
    found = tile_fills.row("camera", version, "half")
    image, mask = tile_fills.case("camera", "half")
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    mean = np.mean(tile_fills.VERSIONS[version](image, mask), axis=0)
    assert found["psnr"] == pytest.approx(metrics.psnr(mean, image, ~mask))
    assert np.isfinite(found["refined"])
    assert found["cpu"] > 0


def test_the_chain_is_that_of_tiles_without_the_harmonic_fill():
    image = np.random.default_rng(0).random((24, 20, 1), dtype=np.float32)
    mask = np.random.default_rng(1).random((24, 20)) < 0.6
    np.testing.assert_array_equal(tile_fills.VERSIONS["chain"](image, mask), chain.fills(image, mask)[1:])
