"""Slices and volumes of heads that come with matplotlib, nilearn and nibabel."""

import gzip

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers import open_file
from inrr_jax.data.readers.files import require


def mri_slice() -> Source:
    """Return one slice of a head by magnetic resonance, [256, 256], in counts of the scanner.

    0 to 55040; nothing is missing. Licence: not stated for the file itself; matplotlib's is compatible with BSD.
    """
    path = require("matplotlib", "matplotlib", "this slice") / "mpl-data" / "sample_data" / "s1045.ima.gz"

    def part(index: tuple[slice, ...]) -> np.ndarray:
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), "<u2").reshape(256, 256)[index]

    return Source((256, 256), np.dtype("<u2"), part)


def mni152() -> Source:
    """Return an average head by T1-weighted magnetic resonance, [197, 233, 189], 1 mm per voxel.

    The template ICBM 152, symmetric 2009a, 0 to 255: a mean of 152 heads, and so smoother than one; the part outside
    the brain is 0. Nothing is missing. Fonov et al. (2011), NeuroImage 54(1). Licence: the Montreal Neurological
    Institute's, free for any use with its notice.
    """
    folder = require("nilearn", "nilearn", "this volume") / "datasets" / "data"
    # The file has the spacing without its unit.
    return open_file(folder / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")._replace(length="mm")


def functional() -> Source:
    """Return two volumes of a head by functional magnetic resonance, [128, 96, 24, 2], 2 x 2 x 2.2 mm per voxel.

    0 to 1162; nothing is missing. A test file of nibabel. Licence: MIT.
    """
    return open_file(require("nibabel", "nibabel", "this volume") / "tests" / "data" / "example4d.nii.gz")


SOURCES = {"mri_slice": mri_slice, "mni152": mni152, "functional": functional}
