"""Reports: what a run of each kind of data computes and writes in addition to its checkpoints, one file per kind.

To add a report, write a file with a `Report` that derives from `base.Report`, and name it in `MODULES`.
"""

import importlib

from inrr_jax.reports.base import Report

MODULES = {
    "picture": "picture",
    "array": "grid",
    "points": "grid",
    "poisson": "equations.poisson",
    "poisson_blend": "equations.poisson_blend",
    "sdf": "equations.sdf",
    "helmholtz": "equations.helmholtz",
    "wave": "equations.wave",
    "fwi": "inverse.fwi",
    "ct": "inverse.ct",
    "mri": "inverse.mri",
    "mri_radial": "inverse.mri",
    "denoise": "inverse.picture",
    "super_resolution": "inverse.picture",
    "deblur": "inverse.picture",
}
"""The file of the report, by the kind of data."""


def report_of(kind: str) -> Report:
    """Return the report for a kind of data. Its file is imported here, because a run needs one report alone."""
    return importlib.import_module(f"{__name__}.{MODULES[kind]}").Report()
