"""Volumes in NIfTI files (.nii, .nii.gz), read with nibabel."""

from pathlib import Path
from typing import Any

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers.files import require

_LENGTHS = {"meter": "m", "mm": "mm", "micron": "um"}


def read_nifti(path: Path) -> Source:
    """Return a volume or a series of volumes, scaled by the slope and the intercept of its header.

    The spacing is that of the header's first three axes. Further axes, such as time, have no length: they are given the
    spacing of the first axis.

    Raises:
        UserError: nibabel is not installed.
    """
    require("nibabel", "nibabel", "a NIfTI file")
    import nibabel

    image: Any = nibabel.load(path)
    zooms = [float(zoom) for zoom in image.header.get_zooms()]
    zooms = zooms[:3] + zooms[:1] * (len(zooms) - 3)
    spacing = tuple(zooms) if all(0 < zoom < np.inf for zoom in zooms) else None
    length = _LENGTHS.get(image.header.get_xyzt_units()[0], "")
    stored = image.get_data_dtype()
    proxy = image.dataobj
    # Scaled integers become floats as they are read.
    scaled = stored.kind in "iuf" and (proxy.slope, proxy.inter) != (1.0, 0.0)
    dtype = np.dtype(np.float64) if scaled else stored
    return Source(
        shape=tuple(image.shape),
        dtype=dtype,
        part=lambda index: np.asarray(proxy[index]),
        whole=False,
        spacing=spacing,
        length=length,
    )
