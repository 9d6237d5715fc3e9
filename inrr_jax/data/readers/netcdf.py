"""Variables in netCDF files (.nc), read with netCDF4."""

from pathlib import Path
from typing import Any

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers.files import require
from inrr_jax.data.readers.geography import spacing_of_degrees
from inrr_jax.errors import UserError, unknown


def read_netcdf(path: Path, name: str = "") -> Source:
    """Return one variable: the one of this name, or the only one with the most axes.

    Entries that the file marks as missing become NaN, so that integers become floats. If the last two axes are evenly
    spaced latitudes and longitudes, the spacing is theirs in km; other axes, such as time, have no length and are given
    the spacing of the latitudes.

    Raises:
        UserError: netCDF4 is not installed, there is no variable of this name, or there are several and no name was
            given.
    """
    require("netCDF4", "netCDF4", "a netCDF file")
    import netCDF4

    with netCDF4.Dataset(path) as file:
        most = max((v.ndim for v in file.variables.values() if "bnds" not in v.name), default=0)
        names = [v.name for v in file.variables.values() if v.ndim == most and "bnds" not in v.name]
        if not name and len(names) != 1:
            raise UserError(
                f"{str(path)!r} holds several variables: give data.array, one of {', '.join(sorted(names))}"
            )
        if name and name not in file.variables:
            raise UserError(unknown(f"variable {name} of {str(path)!r}", name, file.variables))
        variable = file[name or names[0]]
        name, shape, unit = variable.name, tuple(variable.shape), getattr(variable, "units", "")
        stored = np.float64 if hasattr(variable, "scale_factor") else variable.dtype
        dtype = np.result_type(stored, np.float32) if np.dtype(stored).kind in "iuf" else np.dtype(stored)
        spacing = _spacing(file, variable)

    def part(index: tuple[slice, ...]) -> np.ndarray:
        with netCDF4.Dataset(path) as file:
            return np.ma.filled(file[name][index].astype(dtype), np.nan)

    return Source(shape, dtype, part, whole=False, spacing=spacing, length="km" if spacing else "", unit=unit)


def _spacing(file: Any, variable: Any) -> tuple[float, ...] | None:
    """Return the spacing along each axis of a variable, or None if its last two are not latitude and longitude."""
    coordinates = [file.variables.get(axis) for axis in variable.dimensions[-2:]]
    if [getattr(c, "units", "") for c in coordinates] != ["degrees_north", "degrees_east"]:
        return None
    spacing = spacing_of_degrees(*(np.asarray(c[:]) for c in coordinates))
    return spacing and (spacing[0],) * (variable.ndim - 2) + spacing
