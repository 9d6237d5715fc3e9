"""Tensors that come with tensorly."""

from pathlib import Path

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers import open_file
from inrr_jax.data.readers.files import require


def indian_pines() -> Source:
    """Return the hyperspectral image Indian Pines, [145, 145, 200]: rows, columns and bands.

    Sensor counts (955 to 9604) of AVIRIS over farmland and forest in Indiana, 20 m per pixel, 200 bands from 0.4 to
    2.5 um; nothing is missing. Baumgardner, Biehl and Landgrebe (2015), doi:10.4231/R7RX991C. Licence: CC BY 3.0.
    """
    return open_file(_folder() / "Indian_pines_corrected.npy")


def kinetic() -> Source:
    """Return kinetic fluorescence, [64, 12, 10, 60]: samples, emission and excitation wavelengths, and time.

    Intensities of catecholamines at emissions from 472 nm in steps of 7.5 nm, excitations from 362 nm in steps of 6 nm
    and times up to 20 minutes; 0.38 % is really missing. Nikolajsen, Booksh, Hansen and Bro (2003), Analytica Chimica
    Acta 475. Licence: free for public use, by the authors' statement in tensorly.
    """
    values, missing = open_file(_folder() / "Kinetic.npy"), open_file(_folder() / "Kinetic_missing.npy")
    # tensorly has zeros where values are missing.
    return values._replace(part=lambda index: np.where(missing.part(index), np.nan, values.part(index)))


def covid_serology() -> Source:
    """Return COVID-19 serology, [438, 6, 11]: samples, antigens and receptors.

    Normalised binding of antibodies, without unit; nothing is missing. No axis has an order. Zohar et al. (2020), Cell
    183(6); Tan et al. (2021), Molecular Systems Biology 17(9). Licence: MIT.
    """
    return open_file(_folder() / "COVID19_data.npy")


def il2_response() -> Source:
    """Return responses of cells to IL-2, [13, 4, 12, 8]: ligands, times, doses and cell types.

    Normalised responses in [0, 1]; 3.8 % is really missing. Times and doses have an order, ligands and cell types have
    none. Orcutt-Jahns et al. (2021), bioRxiv. Licence: MIT.
    """
    return open_file(_folder() / "IL2_Response_Tensor.npy")


def _folder() -> Path:
    return require("tensorly", "tensorly", "this tensor") / "datasets" / "data"


SOURCES = {
    "indian_pines": indian_pines,
    "kinetic": kinetic,
    "covid_serology": covid_serology,
    "il2_response": il2_response,
}
