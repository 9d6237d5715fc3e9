"""Kinds of data, one file per kind: what a problem is made from.

To add a kind, write a file whose `Config` derives from `base.DataConfig` and name it in `MODULES`.
"""

import importlib

from inrr_jax.data.kinds.base import DataConfig

MODULES = (
    "picture",
    "array",
    "points",
    "equations.poisson",
    "equations.poisson_blend",
    "equations.sdf",
    "equations.helmholtz",
    "equations.wave",
    "inverse.fwi",
    "inverse.ct",
    "inverse.mri",
    "inverse.mri_radial",
    "inverse.denoise",
    "inverse.super_resolution",
    "inverse.deblur",
)
"""The files of the kinds; the last part is the name of the kind."""

KINDS: dict[str, type[DataConfig]] = {
    module.split(".")[-1]: importlib.import_module(f"{__name__}.{module}").Config for module in MODULES
}
"""The options of each kind, by its name."""

__all__ = ["KINDS", "DataConfig"]
