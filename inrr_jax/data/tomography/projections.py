"""Simulated projections of pictures, by another method than the operator that inverts them."""

import numpy as np
from jaxtyping import Float

STEP = 0.5
"""Distance of the samples on a ray, in pixels."""


def project(
    picture: Float[np.ndarray, "n n"], origins: Float[np.ndarray, "*m 2"], directions: Float[np.ndarray, "*m 2"]
) -> Float[np.ndarray, "*m"]:
    """Return integrals of a picture that spans [-1, 1] along both axes, and is 0 outside of the unit circle.

    Samples at equal distances on every ray are interpolated by scipy, where `LineIntegrals` has one per row or column.

    Args:
        picture: its pixels.
        origins: one point of every ray.
        directions: of any length.
    """
    from scipy.ndimage import map_coordinates

    n = len(picture)
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    # The middle of a ray is the point nearest to the centre.
    middle = origins - (origins * unit).sum(-1, keepdims=True) * unit
    along = np.arange(-n, n + 1) * STEP * 2 / n
    total = np.zeros(unit.shape[:-1])
    for view in np.ndindex(unit.shape[:-2]):  # one view at a time, because all samples would not fit into memory
        points = middle[view][:, None, :] + along[None, :, None] * unit[view][:, None, :]
        places = np.moveaxis((points + 1) * n / 2 - 0.5, -1, 0)
        total[view] = map_coordinates(picture, places, order=1, mode="constant").sum(axis=-1)
    return total * STEP * 2 / n
