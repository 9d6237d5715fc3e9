"""The benchmark of what fills begin with: what its rows hold."""

import numpy as np
import pytest

from benchmarks import stack
from inrr_jax import metrics

pytestmark = pytest.mark.usefixtures("optimised_programs")


def test_a_row_has_the_scores_of_the_mean_of_the_fills(monkeypatch):
    monkeypatch.setattr(stack, "SIDE", 40)
    found = stack.row("camera", "chain from a coarser picture", "half")
    image, mask = stack.case("camera", "half")
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    filled = np.mean(stack.VERSIONS["chain from a coarser picture"](image, mask), axis=0)
    assert found["psnr"] == pytest.approx(metrics.psnr(filled, image, ~mask))
    assert isinstance(found["psnr"], float)  # as statistics.mean needs it
    assert np.isfinite(found["refined"])
    assert found["cpu"] > 0


def test_boxes_are_two_holes_that_a_number_draws():
    (_, first), (_, again), (_, other) = (stack.case("camera", f"boxes {draw}") for draw in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert 30 * 40 < (~first).sum() <= 30 * 70


def test_versions_are_averaged_over_the_draws_of_a_mask():
    rows = [
        {"missing": damage, "picture": "camera", "fills": version, "cpu": 1.0, "psnr": value, "refined": value + 1}
        for version in stack.VERSIONS
        for damage, value in (("boxes 1", 20.0), ("boxes 2", 22.0), ("text", 30.0))
    ]
    boxes = stack.means(rows)[0]
    assert (boxes["missing"], boxes["picture"], boxes["psnr"], boxes["refined"]) == ("boxes", "mean of 2", 21, 22)
    assert len(stack.means(rows)) == 2 * len(stack.VERSIONS)
