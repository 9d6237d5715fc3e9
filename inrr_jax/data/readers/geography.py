"""Distances between the nodes of grids on the Earth."""

import numpy as np
from jaxtyping import Real

KILOMETRES_PER_DEGREE = np.pi / 180 * 6371.0
"""Of latitude, on a sphere of the Earth's mean radius."""


def spacing_of_degrees(
    latitude: Real[np.ndarray, "rows"], longitude: Real[np.ndarray, "columns"]
) -> tuple[float, float] | None:
    """Return the distances in km between rows and between columns of a regular grid of latitudes and longitudes.

    Columns approach each other towards the poles; their distance is that at the mean latitude. None is returned unless
    both coordinates are evenly spaced to 5 %.
    """
    steps = []
    for degrees in (latitude, longitude):
        differences = np.diff(degrees.astype(np.float64))
        if not len(differences) or not np.allclose(differences, differences.mean(), rtol=0.05) or not differences.all():
            return None
        steps.append(abs(float(differences.mean())) * KILOMETRES_PER_DEGREE)
    return steps[0], steps[1] * float(np.cos(np.radians(latitude.mean())))
