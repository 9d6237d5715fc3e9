"""Tests of inrr_jax.training.fitted."""

import numpy as np
import pytest

from inrr_jax.data.units import units_of
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.settings import Settings
from inrr_jax.training import fit, fitted
from inrr_jax.training.fitted import FittedField, Frame

SETTINGS = change(Settings(), {"field.width": 16, "field.depth": 2, "field.precision": "float32", "field.omega": 3.0})
GRID, CHANNELS = (5, 7, 4), 2
FRAME = Frame((500_000.0, -3.0, 0.0), (10.0, 0.5, 2.0))


@pytest.fixture(scope="module")
def own():
    """The values of a signal in units of its own."""
    return 1000 + 50 * np.random.default_rng(0).random((*GRID, CHANNELS))


@pytest.fixture(scope="module")
def field(own):
    """A field as it is initialised, with coordinates and units of its own."""
    units = units_of(own, np.ones(GRID, bool))
    problem = masked(units.to_unit(own), np.ones(GRID, bool), bounds=None)._replace(units=units)
    state, _, _ = fit.init(problem, change(SETTINGS, {"train.fibers": 2}))
    return FittedField.of(state.params, problem, SETTINGS, FRAME)


def positions(shape=GRID):
    axes = [np.linspace(o, o + s * (n - 1), m) for o, s, n, m in zip(*FRAME, GRID, shape, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def test_its_values_are_those_of_the_fit_in_the_units_of_the_caller(field):
    whole = field.on_grid()
    assert whole.shape == (*GRID, CHANNELS)
    assert 900 < whole.mean() < 1100
    np.testing.assert_allclose(field(positions()), whole, rtol=1e-6)
    np.testing.assert_allclose(field.on_grid(GRID), whole, rtol=1e-6)


def test_it_prints_its_size_and_not_its_parameters(field):
    count = (3 * 16 + 16) + (16 * 16 + 16) + (16 * 2 + 2)
    assert repr(field) == f"FittedField(siren, grid 5 x 7 x 4, channels=2, parameters={count})"


def test_any_resolution_covers_the_same_extent(field):
    fine = field.on_grid((9, 13, 7))
    np.testing.assert_allclose(fine[::2, ::2, ::2], field.on_grid(), rtol=1e-6)


def test_derivatives_are_those_of_central_differences(field):
    point = positions()[2, 3, 1] + 0.3
    steps = 0.05 * np.diag(FRAME.step)
    ahead, behind, here = field(point + steps), field(point - steps), field(point)
    lengths = np.diag(steps)[:, None]
    scale = field.units.scale[0]
    np.testing.assert_allclose(field.gradient(point).T * lengths, (ahead - behind) / 2, atol=1e-5 * scale)
    curvature = ((ahead - 2 * here + behind) / lengths**2).sum(axis=0)
    np.testing.assert_allclose(field.laplacian(point), curvature, rtol=0.1, atol=0.05 * np.abs(curvature).max())


def test_blocks_change_nothing(field, monkeypatch):
    expected = field(positions())
    monkeypatch.setattr(fitted, "BLOCK", 50)
    np.testing.assert_allclose(field(positions()), expected, rtol=1e-6)
    assert field(np.zeros((0, 3))).shape == (0, CHANNELS)


def test_a_saved_field_is_the_same_bit_for_bit(field, tmp_path):
    field.save(tmp_path / "field")
    loaded = fitted.load(tmp_path / "field")
    np.testing.assert_array_equal(loaded.on_grid(), field.on_grid())
    np.testing.assert_array_equal(loaded.gradient(positions()), field.gradient(positions()))
    assert loaded.settings == field.settings


def test_files_that_are_no_fields_are_refused(field, tmp_path, monkeypatch):
    field.save(tmp_path / "field.npz")
    whole = (tmp_path / "field.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("no field")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    for name in ("cut.npz", "text.npz", "other.npz", "none.npz"):
        with pytest.raises(UserError, match=f"{name} cannot be read as a fitted field"):
            fitted.load(tmp_path / name)
    for reader, hint in ((1, "update inrr_jax"), (3, "fit again")):
        monkeypatch.setattr(fitted, "VERSION", reader)
        with pytest.raises(UserError, match=f"version 2: this version of inrr_jax reads {reader}; {hint}"):
            fitted.load(tmp_path / "field.npz")


def test_a_file_with_other_arrays_than_were_saved_is_refused(field, tmp_path):
    field.save(tmp_path / "field.npz")
    with np.load(tmp_path / "field.npz") as content:
        arrays = dict(content)
    for changes in ({"scale": np.ones(4, np.float32)}, {"field/extra": np.ones(1)}):
        np.savez(tmp_path / "changed.npz", **(arrays | changes))
        with pytest.raises(UserError, match="changed.npz cannot be read as a fitted field .*arrays are missing"):
            fitted.load(tmp_path / "changed.npz")


@pytest.mark.parametrize("points", [np.zeros(()), [1.0, 2.0], np.zeros((4, 2))])
def test_points_of_other_dimensions_are_refused(field, points):
    with pytest.raises(UserError, match="one coordinate for each axis"):
        field(points)


@pytest.mark.parametrize("shape", [(3, 3), (3, 0, 3)])
def test_grids_of_other_dimensions_are_refused(field, shape):
    with pytest.raises(UserError, match="one positive number for each of the 3 axes"):
        field.on_grid(shape)
