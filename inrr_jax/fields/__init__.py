"""Representations of a signal as a function of the position, one file per field.

To add a field, write a file whose `Config` derives from `base.FieldConfig` and name it in `NAMES`.
"""

import importlib

from inrr_jax.fields.base import Field, FieldConfig
from inrr_jax.fields.compound import joint

NAMES = (
    "siren",
    "relu",
    "fourier",
    "dmf",
    "inrz",
    "wire",
    "grid",
    "tucker",
    "cp",
    "planes",
)
"""Names of the fields, which are also the names of their files."""

SINGLE: dict[str, type[FieldConfig]] = {name: importlib.import_module(f"{__name__}.{name}").Config for name in NAMES}
"""The options of each field for signals of any kind, by its name."""
FIELDS: dict[str, type[FieldConfig]] = {**SINGLE, "joint": joint.config(SINGLE)}
"""Those, and the pair of two of them for signals with unknowns of the instrument."""

FIXED = tuple(name for config in FIELDS.values() for name in config.fixed)
"""Names of all parameters of fields that are drawn or given, and not learned."""

__all__ = ["FIELDS", "FIXED", "SINGLE", "Field", "FieldConfig"]
