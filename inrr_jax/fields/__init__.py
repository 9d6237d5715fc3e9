"""Representations of a signal as a function of the position, one file per field.

Networks of the coordinates are files of this folder. tables/ has values and features on nodes, factorised/ products of
functions of one coordinate, and compound/ fields that are made of others. To add a field, write a file whose `Config`
derives from `base.FieldConfig` and name it in `NAMES`.
"""

import importlib

from inrr_jax.fields.base import Field, FieldConfig
from inrr_jax.fields.compound import joint

NAMES = (
    "siren",
    "finer",
    "gauss",
    "relu",
    "fourier",
    "inrz",
    "wire",
    "factorised.dmf",
    "factorised.tucker",
    "factorised.cp",
    "tables.grid",
    "tables.planes",
    "tables.hash_grid",
)
"""The file of each field, by its path in this folder. The name of the field is the last part."""

SINGLE: dict[str, type[FieldConfig]] = {
    path.rpartition(".")[2]: importlib.import_module(f"{__name__}.{path}").Config for path in NAMES
}
"""The options of each field for signals of any kind, by its name."""
FIELDS: dict[str, type[FieldConfig]] = {**SINGLE, "joint": joint.config(SINGLE)}
"""Those, and the pair of two of them for signals with unknowns of the instrument."""

FIXED = tuple(name for config in FIELDS.values() for name in config.fixed)
"""Names of all parameters of fields that are drawn or given, and not learned."""

__all__ = ["FIELDS", "FIXED", "SINGLE", "Field", "FieldConfig"]
