"""Kinds of data, one file per kind: what a problem is made from.

To add a kind, write a file whose `Config` derives from `base.DataConfig` and name it in `NAMES`.
"""

import importlib

from inrr_jax.data.kinds.base import DataConfig

NAMES = ("picture", "array", "points", "poisson", "poisson_blend", "sdf", "helmholtz", "wave")
"""Names of the kinds, which are also the names of their files."""

KINDS: dict[str, type[DataConfig]] = {name: importlib.import_module(f"{__name__}.{name}").Config for name in NAMES}
"""The options of each kind, by its name."""

__all__ = ["KINDS", "DataConfig"]
