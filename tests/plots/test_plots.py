"""Figures: every kind of run can be drawn, only missing pixels are painted, and each claim has its figure."""

import numpy as np
import pytest
from PIL import Image

from inrr_jax import plots
from inrr_jax.experiments.paper import MEASURES
from inrr_jax.plots import paper

SHAPE = (20, 30)
ROWS = [{"step": 10, "psnr_observed": 20.0, "psnr_missing": 15.0}, {"step": 20, "psnr_observed": 25.0}]


def picture(channels, seed=0):
    return np.random.default_rng(seed).random((*SHAPE, channels), np.float32)


def some_missing():
    return np.random.default_rng(1).random(SHAPE) > 0.4


def draw(path, channels=1, laplacians=("row", "col"), rows=ROWS, has_truth=True):
    matrices = {name: np.random.default_rng(2).standard_normal((20, 20), np.float32) for name in laplacians}
    recovered = picture(channels, seed=3)
    plots.comparison(path, picture(channels), some_missing(), recovered, {"inrr": matrices}, rows, has_truth=has_truth)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "changes",
    [{}, {"channels": 3}, {"has_truth": False}, {"laplacians": ()}, {"rows": []}],
    ids=["grey", "rgb", "without truth", "without laplacians", "without rows"],
)
def test_every_kind_of_run_is_drawn(tmp_path, changes):
    pixels = draw(tmp_path / "figure.png", **changes)
    assert pixels.shape == (700, 1400, 3)
    assert 0.02 < np.mean(pixels < 250) < 0.9  # something is drawn, on a white background


def test_the_figure_depends_on_the_truth_and_the_laplacians(tmp_path):
    whole = draw(tmp_path / "a.png")
    assert np.array_equal(whole, draw(tmp_path / "b.png"))
    assert not np.array_equal(whole, draw(tmp_path / "c.png", has_truth=False))
    assert not np.array_equal(whole, draw(tmp_path / "d.png", laplacians=("row",)))


def test_a_laplacian_of_zeros_can_be_drawn(tmp_path):
    mask = some_missing()
    zeros = {"inrr": {"row": np.zeros((20, 20), np.float32)}}
    plots.comparison(tmp_path / "x.png", picture(1), mask, picture(1), zeros, [], has_truth=True)
    assert (tmp_path / "x.png").stat().st_size > 5000


@pytest.mark.parametrize("channels", [1, 3])
def test_missing_pixels_alone_are_painted_red(channels):
    image, mask = picture(channels), some_missing()
    painted = plots.paint_missing(image, mask)
    assert painted.shape == (*SHAPE, 3)
    np.testing.assert_array_equal(painted[mask], np.broadcast_to(image, (*SHAPE, 3))[mask])
    np.testing.assert_array_equal(painted[~mask], np.tile(np.float32(plots.MISSING_COLOR), ((~mask).sum(), 1)))
    np.testing.assert_array_equal(np.all(painted == np.float32(plots.MISSING_COLOR), axis=-1), ~mask)


def test_every_measurement_of_the_paper_has_a_figure():
    assert list(paper.DRAW) == list(MEASURES)


def test_an_animation_has_a_frame_per_slice_and_shows_missing_values_in_red(tmp_path):
    frames = np.linspace(0, 1, 5 * 30 * 40).reshape(5, 30, 40)
    damaged = np.where(np.arange(40) < 20, np.nan, frames)
    plots.animation(tmp_path / "a.gif", {"observed": damaged, "truth": frames})
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 5
        film.seek(3)
        pixels = np.asarray(film.convert("RGB"), float)
    red = np.abs(pixels - 255 * np.asarray(plots.MISSING_COLOR)).max(axis=-1) < 16
    half = pixels.shape[1] // 2
    assert 0.4 < red[20:, :half].mean() < 0.55
    assert not red[20:, half + 10 :].any()


def test_a_method_that_fails_hides_no_small_gain(tmp_path):
    def blue_pixels(worst):
        panels = {"text": {"good": np.array([0.2, 0.4]), "bad": np.array([worst])}}
        plots.gains(tmp_path / "gains.png", panels, "the fill")
        with Image.open(tmp_path / "gains.png") as image:
            return (np.asarray(image.convert("RGB")) == (31, 119, 180)).all(-1).sum()

    assert blue_pixels(-2.9) > 100
    assert blue_pixels(-50.0) > 0.9 * blue_pixels(-2.9)
