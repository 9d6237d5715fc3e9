"""Sources: data by name that installed packages bring, which is read from there; docs/data.md lists it.

Every file in `MODULES` declares its data as `SOURCES = {"name": function}`; a function returns a `Source` and has the
shape, the spacing, the unit, the origin and the licence in its docstring.
"""

import importlib
from collections.abc import Callable

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers import open_file
from inrr_jax.errors import UserError, unknown

MODULES = ("tensors", "earth", "medical", "pictures")
"""Files of this folder that declare data."""

SOURCES: dict[str, Callable[[], Source]] = {
    name: source
    for module in MODULES
    for name, source in importlib.import_module(f"{__name__}.{module}").SOURCES.items()
}
"""All data by name."""


def find(name_or_path: str, array: str = "") -> Source:
    """Find data by name, or a file.

    A name takes precedence over a file of the same name; `./kinetic` is the file.

    Args:
        name_or_path: one of `SOURCES`, or the path of a file that `readers.open_file` opens.
        array: the name of the array in a file that holds several.

    Raises:
        UserError: there is neither, the package that has the data is not installed, or the file cannot be read.
    """
    if name_or_path in SOURCES:
        return SOURCES[name_or_path]()
    if not name_or_path:
        raise UserError(
            f"no array is given: give data.source, the path of a file or one of {', '.join(sorted(SOURCES))}"
        )
    if "." not in name_or_path and "/" not in name_or_path:
        raise UserError(
            unknown(f"data.source={name_or_path}, no file of a known kind, as a name", name_or_path, SOURCES)
        )
    return open_file(name_or_path, array)
