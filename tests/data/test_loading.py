import numpy as np
import pytest
from PIL import Image

from inrr_jax.data import images, loading, masks
from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds.picture import Config as Picture
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import Masking

HALF = np.array([[True, False, True], [False, True, False]])


@pytest.fixture
def picture(tmp_path):
    """The path of a picture of 2 x 3 pixels in colour, and its values."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png"), pixels.astype(np.float32) / 255


@pytest.fixture
def mask_path(tmp_path):
    """The path of a mask for that picture."""
    np.save(tmp_path / "mask.npy", HALF)
    return str(tmp_path / "mask.npy")


def test_a_problem_has_the_observed_pixels_the_mask_and_the_truth(picture, mask_path):
    path, values = picture
    problem = loading.load(Picture(image=path), MaskSettings(mode="file", path=mask_path))
    assert isinstance(problem.operator, Masking)
    np.testing.assert_array_equal(problem.operator.mask, HALF)
    np.testing.assert_array_equal(problem.measurements, np.where(HALF[..., None], values, 0))
    np.testing.assert_array_equal(problem.truth, values)
    assert (problem.domain.shape, problem.domain.channels, problem.domain.bounds) == ((2, 3), 3, (0.0, 1.0))


def test_without_truth_the_pixels_under_the_mask_are_dropped(picture, mask_path):
    mask = MaskSettings(mode="file", path=mask_path)
    problem = loading.load(Picture(image=picture[0], truth=False), mask)
    assert problem.truth is None
    np.testing.assert_array_equal(problem.measurements[~HALF], 0)


def test_colour_is_reduced_to_luma(picture):
    path, values = picture
    found = Picture(image=path, grey=True).read()
    np.testing.assert_allclose(found[..., 0], values @ np.array([0.299, 0.587, 0.114]), atol=1e-6)


@pytest.mark.parametrize(("size", "shape"), [(0, (20, 40)), (40, (20, 40)), (10, (5, 10)), (1, (1, 1)), (80, (40, 80))])
def test_the_longest_side_is_resized_and_the_proportions_are_kept(tmp_path, size, shape):
    image = np.random.default_rng(0).random((20, 40))
    np.save(tmp_path / "image.npy", image)
    found = Picture(image=str(tmp_path / "image.npy"), size=size).read()
    assert found.shape == (*shape, 1)
    if shape == image.shape:
        np.testing.assert_array_equal(found[..., 0], image.astype(np.float32))


def test_many_problems_load_each_picture_once(picture, monkeypatch):
    loads, honest = [], images.load

    def counted(name, **options):
        loads.append(name)
        return honest(name, **options)

    monkeypatch.setattr(images, "load", counted)
    data = Picture(image=picture[0])
    seeds = [MaskSettings(rate=0.5, seed=seed) for seed in range(3)]
    problems = loading.load_all([(data, mask) for mask in seeds] + [(Picture(image=picture[0], grey=True), seeds[0])])
    assert len(loads) == 2
    assert [problem.domain.channels for problem in problems] == [3, 3, 3, 1]
    for problem, mask in zip(problems, seeds, strict=False):
        np.testing.assert_array_equal(problem.operator.mask, draw_mask(mask, (2, 3)))
        assert problem.digest == loading.load(data, mask).digest


def test_a_mask_depends_on_its_seed_alone():
    drawn = [draw_mask(MaskSettings(seed=seed), (30, 40)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert abs(drawn[0].mean() - 0.5) < 5 * (0.25 / 1200) ** 0.5


@pytest.mark.parametrize("mode", masks.MODES)
def test_every_mode_is_drawn_with_its_options(mode):
    mask = draw_mask(MaskSettings(mode=mode, rate=0.3, size=5, profile="radial"), (30, 40))
    assert mask.dtype == bool
    assert 0 < mask.sum() < mask.size


def test_a_sum_with_a_file_misses_what_the_file_or_the_other_mode_misses(tmp_path):
    rng = np.random.default_rng(0)
    stored = rng.random((30, 40)) < 0.8
    np.save(tmp_path / "mask.npy", stored)
    alone = draw_mask(MaskSettings(mode="random", seed=3), (30, 40))
    for mode in ("file+random", "random+file"):
        both = draw_mask(MaskSettings(mode=mode, seed=3, path=str(tmp_path / "mask.npy")), (30, 40))
        np.testing.assert_array_equal(both, stored & alone)


def test_the_threshold_and_the_side_of_a_file_are_those_of_the_settings(tmp_path):
    levels = np.array([[0, 120, 130], [200, 255, 0]], np.uint8)
    Image.fromarray(levels).save(tmp_path / "mask.png")
    settings = {"mode": "file", "path": str(tmp_path / "mask.png")}
    np.testing.assert_array_equal(draw_mask(MaskSettings(**settings), (2, 3)), levels >= 130)
    high = MaskSettings(**settings, threshold=0.9)
    np.testing.assert_array_equal(draw_mask(high, (2, 3)), levels >= 255)
    dark = MaskSettings(**settings, observed="dark")
    np.testing.assert_array_equal(draw_mask(dark, (2, 3)), levels <= 120)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "file"}, r"mask\.mode=file needs mask\.path: give the path"),
        ({"mode": "random+file"}, r"mask\.mode=file needs mask\.path: give the path"),
        ({"path": "m.npy"}, r"mask\.path=m\.npy is read by mask\.mode=file only, not by random"),
        ({"mode": "file", "path": "nowhere.npy"}, "no file 'nowhere.npy'"),
        (
            {"mode": "random", "rate": 1e-9},
            r"nothing is missing of 2 x 3 entries with mask\.mode=random, mask\.rate=1e-09",
        ),
        ({"mode": "random", "rate": 0.999999999}, r"nothing is observed of 2 x 3 entries with mask\.mode=random"),
        ({"mode": "random", "rate": 1.5}, r"mask\.rate=1\.5 is out of range"),
        ({"mode": "grid", "size": 1}, r"nothing is missing of 2 x 3 entries with mask\.mode=grid.* and mask\.size=1"),
    ],
)
def test_masks_that_cannot_be_used_are_refused_in_one_line(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        draw_mask(MaskSettings(**settings), (2, 3))
    assert "\n" not in str(caught.value)


def test_a_mask_of_another_shape_is_refused(mask_path):
    with pytest.raises(UserError, match=r"a mask of shape \(2, 3\): give the signal's shape, \(3, 2\)"):
        draw_mask(MaskSettings(mode="file", path=mask_path), (3, 2))


def test_pictures_that_cannot_be_loaded_are_refused_in_one_line(mask_path):
    mask = MaskSettings(mode="file", path=mask_path)
    with pytest.raises(UserError, match="picture camra is no file.*did you mean camera") as caught:
        loading.load(Picture(image="camra"), mask)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"mask of shape \(2, 3\): give the signal's shape, \(8, 8\)"):
        loading.load(Picture(image="camera", size=8), mask)
