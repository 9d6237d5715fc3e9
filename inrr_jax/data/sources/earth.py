"""Fields on the Earth that come with matplotlib and iris-sample-data."""

from pathlib import Path

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers import open_file
from inrr_jax.data.readers.files import require
from inrr_jax.data.readers.geography import spacing_of_degrees


def jacksboro() -> Source:
    """Return the elevation around the Jacksboro fault in Tennessee, [344, 403], in m.

    236 to 1076 m above the sea at steps of 1/1200 degree, 92.7 x 74.4 m; nothing is missing. Licence: not stated for
    the file itself; matplotlib's is compatible with BSD.
    """
    path = require("matplotlib", "matplotlib", "this field") / "mpl-data" / "sample_data" / "jacksboro_fault_dem.npz"
    with np.load(path, allow_pickle=False) as arrays:
        rows, columns = (arrays["elevation"].shape[axis] for axis in (0, 1))
        latitude = arrays["ymin"] - arrays["dy"] * np.arange(rows)
        longitude = arrays["xmin"] + arrays["dx"] * np.arange(columns)
    return open_file(path, "elevation")._replace(spacing=spacing_of_degrees(latitude, longitude), length="km", unit="m")


def topobathy() -> Source:
    """Return land and sea floor around Vancouver Island, [91, 120], in m above the sea.

    -1437 to 2205 m at steps of 0.022 degrees of latitude and 0.033 of longitude, 2.4 km each; nothing is missing. Rows
    run from south to north. Licence: not stated for the file itself; matplotlib's is compatible with BSD.
    """
    path = require("matplotlib", "matplotlib", "this field") / "mpl-data" / "sample_data" / "topobathy.npz"
    with np.load(path, allow_pickle=False) as arrays:
        spacing = spacing_of_degrees(arrays["latitude"], arrays["longitude"])
    return open_file(path, "topo")._replace(spacing=spacing, length="km", unit="m")


def air_temperature() -> Source:
    """Return annual means of the air temperature over North America, [240, 37, 49]: years, latitudes, longitudes.

    257 to 306 K of a climate model, scenario A1B, years 1860 to 2099, 139 x 165 km; nothing is missing. Licence: Open
    Government Licence (Met Office).
    """
    return open_file(_iris() / "A1B_north_america.nc", "air_temperature")


def sea_surface_temperature() -> Source:
    """Return monthly means of the sea surface temperature at the equator, [54, 18, 432]: months, latitudes, longitudes.

    289 to 304 K of the analysis OSTIA, from April 2006 on, 62 x 93 km; land, 26 %, is missing without a truth. The
    longitudes go round the Earth. Licence: Open Government Licence (Met Office).
    """
    return open_file(_iris() / "ostia_monthly.nc", "surface_temperature")


def ocean_temperature() -> Source:
    """Return the temperature at the surface of the world's oceans, [148, 180], in degrees Celsius.

    -2 to 30 degrees of an ocean model (NEMO) on its curvilinear grid ORCA2, whose nodes are not evenly spaced; land,
    38 %, is missing without a truth. Licence: Open Government Licence (Met Office).
    """
    return open_file(_iris() / "orca2_votemper.nc", "votemper")


def _iris() -> Path:
    return require("iris-sample-data", "iris_sample_data", "this field") / "sample_data"


SOURCES = {
    "jacksboro": jacksboro,
    "topobathy": topobathy,
    "air_temperature": air_temperature,
    "sea_surface_temperature": sea_surface_temperature,
    "ocean_temperature": ocean_temperature,
}
