"""Piecewise linear interpolation between scattered observed pixels."""

import numpy as np

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.types import Image, Mask


@keeping_observed
def linear(image: Image, mask: Mask) -> Image:
    """Interpolate linearly over the Delaunay triangulation of the observed pixels.

    Missing pixels outside the convex hull of the observed ones take the value of the nearest observed pixel.
    """
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    points, missing = np.argwhere(mask), np.argwhere(~mask)
    nearest = NearestNDInterpolator(points, image[mask])(missing)
    try:
        interpolated = LinearNDInterpolator(points, image[mask])(missing)  # NaN outside the convex hull
    except QhullError:
        # Fewer than three observed pixels, or all of them on one line, span no triangle.
        interpolated = np.full_like(nearest, np.nan)
    filled = image.copy()
    filled[~mask] = np.where(np.isnan(interpolated), nearest, interpolated)
    return filled
