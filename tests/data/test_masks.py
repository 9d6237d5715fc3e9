"""Masks: missing fractions, reproducibility under JAX transformations, files and checks."""

import importlib
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageFont

from configs import base
from inrr_jax.data import masks
from inrr_jax.data.masks.box import border, patch
from inrr_jax.data.masks.density import PROFILES, density
from inrr_jax.data.masks.random import random
from inrr_jax.data.masks.scratches import scratches
from inrr_jax.data.masks.text import text
from inrr_jax.errors import UserError
from scripts import masks as script

make = jax.jit(masks.make, static_argnums=(1, 2), static_argnames=("size", "axis", "duration", "profile"))
"""As one program per mode and shape, because every operation alone would be compiled for itself."""

SHAPE = (48, 80)
RATES = (0.05, 0.3, 0.5, 0.8)


def missing_fraction(mask):
    return 1 - np.mean(np.asarray(mask))


def binomial_bound(rate, count):
    """Return five standard deviations of the fraction of `count` independent pixels that are missing."""
    return 5 * np.sqrt(rate * (1 - rate) / count)


def test_random_is_the_first_mode():
    assert next(iter(masks.MODES)) == "random"


def test_every_file_with_modes_is_registered_once():
    files = Path(masks.__file__).parent.glob("*.py")
    declaring = {path.stem for path in files if re.search("^MODES", path.read_text(), re.MULTILINE)}
    assert declaring - {"__init__"} == set(masks.MODULES)
    modules = [importlib.import_module(f"inrr_jax.data.masks.{name}") for name in masks.MODULES]
    # Two files that declared the same name would overwrite each other.
    assert sum(len(module.MODES) for module in modules) == len(masks.MODES)


def test_make_passes_on_only_the_options_that_a_mode_takes(monkeypatch):
    def plain(key, shape, rate):
        return jnp.ones(shape, bool)

    def sized(key, shape, rate, size=1):
        return jnp.full(shape, size == 9)

    monkeypatch.setitem(masks.MODES, "plain", plain)
    monkeypatch.setitem(masks.MODES, "sized", sized)
    cases = (("plain", 9, True), ("sized", 9, True), ("sized", 8, False), ("plain+sized", 8, False))
    for mode, size, observed in cases:
        mask = masks.make(jax.random.key(0), (2, 3), mode, 0.5, size=size)
        np.testing.assert_array_equal(mask, np.full((2, 3), observed))


@pytest.mark.parametrize("mode", ["random", "density"])
@pytest.mark.parametrize("rate", RATES)
def test_independent_pixels_keep_the_rate(mode, rate):
    for seed in range(5):
        share = missing_fraction(make(jax.random.key(seed), SHAPE, mode, rate))
        assert abs(share - rate) < binomial_bound(rate, np.prod(SHAPE))
        assert abs(share - (rate + 0.1)) > binomial_bound(rate, np.prod(SHAPE))


@pytest.mark.parametrize("rate", RATES)
def test_patch_and_text_keep_the_rate(rate):
    key = jax.random.key(0)
    # A patch is exact up to half a row or column, text up to one pixel.
    assert abs(missing_fraction(patch(key, SHAPE, rate)) - rate) < 0.5 / min(SHAPE)
    assert abs(missing_fraction(text(key, SHAPE, rate)) - rate) < 1 / np.prod(SHAPE)


@pytest.mark.parametrize("mode", masks.MODES)
def test_jit_and_vmap_equal_plain_calls(mode):
    keys = jax.random.split(jax.random.key(1), 3)
    rates = jnp.array([0.1, 0.37, 0.7])
    function = masks.MODES[mode]
    plain = np.stack([function(key, SHAPE, rate) for key, rate in zip(keys, rates, strict=True)])
    np.testing.assert_array_equal(plain[1], make(keys[1], SHAPE, mode, rates[1]))
    mapped = jax.jit(jax.vmap(lambda key, rate: function(key, SHAPE, rate)))
    np.testing.assert_array_equal(plain, mapped(keys, rates))
    assert np.array_equal(plain[1], function(keys[1], SHAPE, 0.6)) == (mode in ("blocks", "grid"))
    assert plain.dtype == bool


@pytest.mark.parametrize("shape", [(12,), (6, 7, 8), (3, 4, 5, 6)])
@pytest.mark.parametrize("mode", [mode for mode in masks.MODES if mode != "text"])
def test_every_mode_but_text_takes_any_number_of_axes(mode, shape):
    shape = (3, *shape) if mode == "deadlines" else shape  # These need two axes, which test_fibers.py checks.
    mask = np.asarray(make(jax.random.key(2), shape, mode, 0.5, size=2))
    assert mask.shape == shape
    assert mode == "fibers" or 0 < mask.sum() < mask.size


def test_make_passes_on_the_axis_and_the_duration():
    key, shape = jax.random.key(0), (8, 5, 6)
    for mode, options in (("slices", {"axis": 0}), ("clouds", {"axis": 1, "duration": 0})):
        np.testing.assert_array_equal(
            make(key, shape, mode, 0.5, **options), masks.MODES[mode](key, shape, 0.5, **options)
        )
        assert not np.array_equal(make(key, shape, mode, 0.5), make(key, shape, mode, 0.5, **options))


@pytest.mark.parametrize(
    "mode", ["random", "density", "patch", "rows", "columns", "clouds", "gap", "fibers", "deadlines", "scratches"]
)
def test_random_modes_depend_on_the_key(mode):
    first, again, other = (make(jax.random.key(seed), SHAPE, mode, 0.2) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_scratches_keep_the_rate_and_are_nested():
    drawn = [np.asarray(scratches(jax.random.key(0), SHAPE, rate)) for rate in RATES]
    for mask, rate in zip(drawn, RATES, strict=True):
        assert abs(missing_fraction(mask) - rate) < 1 / np.prod(SHAPE)
    assert all((thin >= thick).all() for thin, thick in zip(drawn, drawn[1:], strict=False))


def test_scratches_are_thin_lines():
    missing = ~np.asarray(scratches(jax.random.key(1), (96, 96), 0.04))
    inner = missing[1:-1, 1:-1] & missing[:-2, 1:-1] & missing[2:, 1:-1] & missing[1:-1, :-2] & missing[1:-1, 2:]
    assert inner.sum() < 0.1 * missing.sum()
    lengths = [np.ptp(np.argwhere(missing)[:, axis]) for axis in (0, 1)]
    assert min(lengths) > 48


def test_random_has_the_same_rate_in_every_half():
    mask = random(jax.random.key(0), (128, 128), 0.4)
    bound = binomial_bound(0.4, 128 * 64)
    assert abs(missing_fraction(mask[:, :64]) - 0.4) < bound
    assert abs(missing_fraction(mask[:64]) - 0.4) < bound


@pytest.mark.parametrize("shape", [(48, 80), (30, 30), (40,), (12, 16, 20)])
def test_patch_is_one_box_of_the_grids_proportions(shape):
    rate = 0.3
    places = [np.argwhere(~np.asarray(patch(jax.random.key(seed), shape, rate))) for seed in range(8)]
    for place in places:
        sides = np.ptp(place, axis=0) + 1
        assert len(place) == np.prod(sides)
        np.testing.assert_allclose(sides, np.array(shape) * rate ** (1 / len(shape)), atol=1)
    corners = [tuple(place[0]) for place in places]
    assert len(set(corners)) > 1


def test_patch_reaches_every_position():
    starts = {int(jnp.argmin(patch(jax.random.key(seed), (4,), 0.5))) for seed in range(40)}
    assert starts == {0, 1, 2}


def test_patch_moves_along_each_axis_on_its_own():
    starts = [np.argwhere(~np.asarray(patch(jax.random.key(seed), (64, 64), 0.1)))[0] for seed in range(10)]
    assert abs(np.corrcoef(np.transpose(starts))[0, 1]) < 0.9


@pytest.mark.parametrize(("rate", "left", "right"), [(0.3, 0.15, 0.45), (0.5, 0.25, 0.75), (0.8, 0.7, 0.9)])
def test_density_rises_from_left_to_right(rate, left, right):
    mask = density(jax.random.key(0), (200, 100), rate)
    bound = binomial_bound(0.5, 200 * 50)
    assert abs(missing_fraction(mask[:, :50]) - left) < bound
    assert abs(missing_fraction(mask[:, 50:]) - right) < bound
    assert abs(missing_fraction(mask[:100]) - rate) < bound


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("profile", ["linear", "radial", "halves"])
@pytest.mark.parametrize("shape", [(160, 120), (81, 81)])
def test_every_profile_keeps_the_rate(profile, rate, shape):
    mask = make(jax.random.key(1), shape, "density", rate, profile=profile)
    assert abs(missing_fraction(mask) - rate) < binomial_bound(rate, np.prod(shape))
    tilt = PROFILES[profile](shape)
    assert abs(tilt.mean()) < 1e-9
    assert 0.4 < tilt.max() <= 1
    np.testing.assert_allclose(tilt.max(), -tilt.min(), atol=1e-3)


def test_the_radial_profile_misses_more_away_from_the_centre():
    mask = np.asarray(density(jax.random.key(0), (200, 200), 0.5, "radial"))
    y, x = np.mgrid[:200, :200] - 99.5
    near = np.argsort(np.hypot(y, x).ravel())[: 200 * 100]
    centre = missing_fraction(mask.ravel()[near])
    # The half of the pixels closest to the centre has half the average rate, as the left half of the linear profile.
    assert abs(centre - 0.25) < binomial_bound(0.25, len(near))


def test_the_halves_have_one_density_each():
    mask = np.asarray(density(jax.random.key(0), (100, 200), 0.4, "halves"))
    for quarter, rate in enumerate((0.2, 0.2, 0.6, 0.6)):
        share = missing_fraction(mask[:, 50 * quarter : 50 * (quarter + 1)])
        assert abs(share - rate) < binomial_bound(rate, 100 * 50)


def pattern(mask):
    return ["".join(".#"[int(observed)] for observed in row) for row in np.asarray(mask)]


@pytest.mark.parametrize(
    ("mode", "rate", "size", "expected"),
    [
        ("blocks", 0.1, 2, ["##..#", "##..#", "..##.", "..##."]),
        ("grid", 0.9, 3, ["#..#.", ".....", ".....", "#..#."]),
        ("stripes", 0.5, 2, ["#####", ".....", "#####", "....."]),
        ("stripes", 0.7, 3, ["#####", ".....", ".....", "#####"]),
        ("diagonal", 0.3, 3, ["##.##", "#.##.", ".##.#", "##.##"]),
        ("border", 0.7, 1, [".....", ".###.", ".###.", "....."]),
    ],
)
def test_patterns_on_a_small_grid(mode, rate, size, expected):
    mask = make(jax.random.key(0), (4, 5), mode, rate, size=size)
    assert pattern(mask) == expected
    assert pattern(make(jax.random.key(1), (4, 5), mode, rate, size=size)) == expected


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("mode", ["rows", "columns", "stripes", "diagonal", "border"])
def test_lines_and_borders_keep_the_rate(mode, rate):
    shape = (40, 60)
    share = missing_fraction(make(jax.random.key(0), shape, mode, rate, size=20))
    assert abs(share - rate) <= 0.5 / min(shape) + 1e-6


def test_rows_and_columns_are_whole():
    for mode, axis in (("rows", 1), ("columns", 0)):
        mask = np.asarray(make(jax.random.key(0), (20, 30), mode, 0.5))
        np.testing.assert_array_equal(mask, np.broadcast_to(mask.all(axis=axis, keepdims=True), mask.shape))
        lines = mask.any(axis=axis)
        # The missing lines are neither one block nor every other line.
        assert 0 < np.abs(np.diff(lines.astype(int))).sum() < len(lines) - 1


def test_a_border_lies_around_the_middle():
    for shape in ((21, 41), (30, 30)):
        mask = np.asarray(border(jax.random.key(0), shape, 0.6))
        place = np.argwhere(mask)
        assert len(place) == np.prod(np.ptp(place, axis=0) + 1)
        before, after = place.min(axis=0), np.array(shape) - 1 - place.max(axis=0)
        assert before.min() > 0
        assert (np.abs(before - after) <= 1).all()


def test_a_sum_misses_what_any_of_its_parts_misses():
    key, rate = jax.random.key(4), 0.3
    alone = {mode: np.asarray(make(key, SHAPE, mode, rate, size=8)) for mode in ("text", "patch", "blocks")}
    three = make(key, SHAPE, "patch+text+blocks", rate, size=8)
    np.testing.assert_array_equal(three, alone["patch"] & alone["text"] & alone["blocks"])
    two = make(key, SHAPE, "blocks+text", rate, size=8)
    np.testing.assert_array_equal(two, alone["text"] & alone["blocks"])
    # The parts are drawn independently: 0.3 + 0.3 - 0.09 is missing. With the same key it would be 0.3.
    twice = missing_fraction(make(key, (100, 100), "random+random", rate))
    assert abs(twice - 0.51) < binomial_bound(0.51, 100 * 100)


def test_text_is_deterministic_and_nested():
    masks_by_rate = [np.asarray(text(jax.random.key(seed), SHAPE, 0.05 + 0.1 * seed)) for seed in range(5)]
    np.testing.assert_array_equal(masks_by_rate[0], text(jax.random.key(9), SHAPE, 0.05))
    for thin, thick in zip(masks_by_rate, masks_by_rate[1:], strict=False):
        assert not (~thin & thick).any()


def test_text_has_thin_letters_and_a_thick_stroke():
    from scipy.ndimage import distance_transform_edt, label

    mask = np.asarray(text(jax.random.key(0), (256, 256), 0.125))
    depth = distance_transform_edt(~mask)
    stroke = np.zeros_like(mask)
    stroke[170:, :100] = True
    assert 9 < depth[stroke].max() < 12
    assert 1 <= depth[~stroke].max() < 4
    assert label(~mask, np.ones((3, 3)))[1] > 20


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (64, 64), (40, 25)])
def test_text_works_for_any_shape(shape):
    mask = text(jax.random.key(0), shape, 0.5)
    assert mask.shape == shape
    assert abs(missing_fraction(mask) - 0.5) <= 0.5 / np.prod(shape) + 1e-6


def test_text_names_its_requirements(monkeypatch):
    with pytest.raises(UserError, match=r"'text' on a grid of shape \(8,\)"):
        masks.make(jax.random.key(0), (8,), "text", 0.1)

    def without_freetype(size):
        raise ImportError

    monkeypatch.setattr(ImageFont, "load_default", without_freetype)
    with pytest.raises(UserError, match="FreeType"):
        text(jax.random.key(0), (17, 19), 0.1)


def test_make_refuses_unknown_modes():
    with pytest.raises(UserError, match=r"pach is unknown: did you mean patch\? accepted are blocks, border, .*, text"):
        masks.make(jax.random.key(0), SHAPE, "pach", 0.5)
    with pytest.raises(UserError, match="qqq is unknown: accepted are blocks, border"):
        masks.make(jax.random.key(0), SHAPE, "text+qqq", 0.5)
    with pytest.raises(UserError, match=r"mask\.profile=radail is unknown: did you mean radial\?"):
        masks.make(jax.random.key(0), SHAPE, "density", 0.5, profile="radail")


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 12.5, float("nan")])
def test_make_refuses_rates_outside(rate):
    with pytest.raises(UserError, match=rf"rate={rate} is out of range: .*above 0 and below 1"):
        masks.make(jax.random.key(0), SHAPE, "random", rate)


@pytest.fixture
def levels():
    return np.array([[0, 120, 130], [200, 255, 0]], np.uint8)


@pytest.mark.parametrize(("observed", "threshold", "darkest"), [("bright", 0.5, 130), ("bright", 0.9, 255)])
def test_load_thresholds_brightness(tmp_path, levels, observed, threshold, darkest):
    Image.fromarray(levels).save(tmp_path / "m.png")
    mask = masks.load(tmp_path / "m.png", (2, 3), threshold=threshold, observed=observed)
    np.testing.assert_array_equal(mask, levels >= darkest)


def test_load_counts_the_threshold_itself_as_missing(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[0.25, 0.5, 0.75]]))
    for observed, expected in (("bright", [[False, False, True]]), ("dark", [[True, False, False]])):
        np.testing.assert_array_equal(masks.load(tmp_path / "m.npy", (1, 3), observed=observed), expected)


@pytest.mark.parametrize(("threshold", "brightest"), [(0.5, 120), (0.9, 0)])
def test_load_of_dark_observed(tmp_path, levels, threshold, brightest):
    Image.fromarray(levels).save(tmp_path / "m.png")
    mask = masks.load(tmp_path / "m.png", (2, 3), threshold=threshold, observed="dark")
    np.testing.assert_array_equal(mask, levels <= brightest)


def test_load_reads_every_kind(tmp_path):
    expected = np.array([[True, False, False], [True, True, False]])
    Image.fromarray(expected).save(tmp_path / "bits.png")
    Image.fromarray(expected.astype(np.uint8)).save(tmp_path / "ones.png")
    Image.fromarray(expected * np.uint16(65535)).save(tmp_path / "deep.png")
    Image.fromarray(np.repeat(expected[..., None] * np.uint8(255), 3, -1)).save(tmp_path / "colour.png")
    for name, dtype in (("bool", bool), ("int", int), ("float", float)):
        np.save(tmp_path / f"{name}.npy", expected.astype(dtype))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 7
    for name in files:
        np.testing.assert_array_equal(masks.load(tmp_path / name, (2, 3)), expected, err_msg=name)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.eye(3), r"m.npy': a mask of shape \(3, 3\): give the signal's shape, \(2, 3\)"),
        (np.ones((2, 3)), r"m.npy': nothing is missing: .* dark somewhere \(bright marks observed pixels\)"),
        (np.zeros((2, 3)), r"m.npy': nothing is observed: .* bright somewhere \(bright marks observed pixels\)"),
        (np.full((2, 3), 7.0), r"m.npy': pixels from 7 to 7"),
    ],
)
def test_load_refuses(tmp_path, array, message):
    np.save(tmp_path / "m.npy", array)
    with pytest.raises(UserError, match=message):
        masks.load(tmp_path / "m.npy", (2, 3))


def test_load_refuses_wrong_arguments(tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((2, 3)))
    with pytest.raises(UserError, match=r"nothing is missing: .* bright somewhere \(dark marks observed pixels\)"):
        masks.load(tmp_path / "m.npy", (2, 3), observed="dark")
    with pytest.raises(UserError, match="no file 'nowhere.png'"):
        masks.load("nowhere.png", (2, 3))
    with pytest.raises(UserError, match="observed='white': give 'bright' or 'dark'"):
        masks.load("nowhere.png", (2, 3), observed="white")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.array([[0, 1]]), "type int64: give bool"),
        (np.array([True, False]), r"shape \(2,\): give the signal's shape, \(1, 2\)"),
        (np.array([[True, True]]), "nothing is missing"),
        (np.array([[False, False]]), "nothing is observed"),
    ],
)
def test_validate_refuses(mask, message):
    with pytest.raises(UserError, match=message) as error:
        masks.validate(mask, (1, 2))
    assert "\n" not in str(error.value)


def test_validate_accepts_array_likes():
    for mask in ([[True, False]], jnp.array([[True, False]])):
        checked = masks.validate(mask, (1, 2))
        assert isinstance(checked, np.ndarray)
        np.testing.assert_array_equal(checked, [[True, False]])


def test_every_mode_is_shown_and_documented(tmp_path):
    config = base.get_config("smoke")
    script.main(config, tmp_path)
    with Image.open(tmp_path / "masks.png") as figure:
        assert figure.width > 2 * figure.height
    table = dict(line.split(" | ", 1) for line in (tmp_path / "masks.md").read_text().splitlines()[2:])
    for mode in masks.MODES:
        assert mode in {name.partition(",")[0] for name in script.EXAMPLES}
        assert len(table[f"| `{mode}`"]) > 30


def test_the_page_of_masks_describes_only_modes_that_exist():
    docs = Path(__file__).parents[2] / "docs"
    rows = [line.split("|")[1] for line in (docs / "masks.md").read_text().splitlines() if line.startswith("| `")]
    described = {mode for row in rows for mode in re.findall(r"`(\w+)`", row)}
    assert "random" in described
    assert described == {*masks.MODES, "file", "none"}
    assert (docs / "figures" / "masks.png").stat().st_size < 200_000


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_load_reads_arrays_of_any_number_of_axes(tmp_path, dtype):
    expected = np.arange(24).reshape(2, 3, 4) % 5 > 0
    np.save(tmp_path / "m.npy", expected.astype(dtype))
    np.testing.assert_array_equal(masks.load(tmp_path / "m.npy", (2, 3, 4)), expected)
    np.testing.assert_array_equal(masks.load(tmp_path / "m.npy", (2, 3, 4), observed="dark"), ~expected)
    with pytest.raises(UserError, match=r"m.npy': a mask of shape \(2, 3, 4\): give the signal's shape, \(2, 12, 1\)"):
        masks.load(tmp_path / "m.npy", (2, 12, 1))
