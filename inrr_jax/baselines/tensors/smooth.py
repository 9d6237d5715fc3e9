"""Penalised least squares with the discrete cosine transform: a smooth fill, usual for gaps in geophysical data."""

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.tensors.contract import Observed, Spacing, Values, completing
from inrr_jax.baselines.tensors.lines import weights
from inrr_jax.baselines.tensors.nearest import nearest

# As in the paper: 100 iterations, while the smoothing falls from 10³ to 10⁻⁶.
SMOOTHING = np.geomspace(1e3, 1e-6, 100)
RELAXATION = 2.0


@completing
def dct_pls(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Fill smoothly with the spacing of the axes; see `penalised_least_squares`."""
    return penalised_least_squares(values, mask, 1 / np.square(spacing))


@completing
def dct_pls_scaled(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Fill smoothly with axes weighted by how little the observed values change along them (`lines.weights`)."""
    return penalised_least_squares(values, mask, weights(values, mask))


def penalised_least_squares(
    values: Values, mask: Observed, weight: Float[np.ndarray, "D"]
) -> Float[np.ndarray, "*grid C"]:
    """Minimise nearly ``sum of squares of (L z)`` with z held where observed: a biharmonic fill.

    Penalised least squares with the discrete cosine transform (Wang et al., Ecological Modelling 2012, after Garcia,
    Computational Statistics & Data Analysis 2010):

        z <- 2 idct(g dct(m y + (1 - m) z)) - z,   g = 1 / (1 + s lambda²)

    with the mask m, the values y, the transform of all axes and the eigenvalues lambda of the grid's Laplacian
    ``L = sum over axes of w_a (2 - 2 cos(pi k / n))``. The smoothing s falls from iteration to iteration. The start is
    the nearest value.

    Args:
        values: y; zero where missing.
        mask: m, True where observed.
        weight: w, one for each axis; only their ratios matter.
    """
    from scipy.fft import dctn, idctn

    axes, squared = tuple(range(mask.ndim)), np.square(_eigenvalues(mask.shape, weight / weight.max()))[..., None]
    filled = np.where(mask[..., None], values, nearest(values, mask, tuple(1 / np.sqrt(weight))))
    for smoothing in SMOOTHING.astype(np.float32):
        known = np.where(mask[..., None], values, filled)
        smooth = idctn(dctn(known, axes=axes, workers=-1) / (1 + smoothing * squared), axes=axes, workers=-1)
        filled = np.float32(RELAXATION) * smooth + np.float32(1 - RELAXATION) * filled
    return filled


def _eigenvalues(shape: tuple[int, ...], weight: Float[np.ndarray, "D"]) -> Float[np.ndarray, "*grid"]:
    """Return the eigenvalues of the negative Laplacian with natural boundaries, in the order of the transform."""
    lines = [w * (2 - 2 * np.cos(np.pi * np.arange(n) / n)) for n, w in zip(shape, weight, strict=True)]
    return sum(line.astype(np.float32) for line in np.meshgrid(*lines, indexing="ij", sparse=True))
