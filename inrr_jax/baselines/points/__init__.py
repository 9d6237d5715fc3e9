"""Interpolations of scattered points: what a learned recovery from them has to beat."""

from typing import NamedTuple

from inrr_jax.baselines.points.contract import Interpolate
from inrr_jax.baselines.points.gaussian_process import gaussian_process
from inrr_jax.baselines.points.kriging import kriging
from inrr_jax.baselines.points.neighbours import idw, nearest
from inrr_jax.baselines.points.scaling import scaled, standardised
from inrr_jax.baselines.points.thin_plate import thin_plate
from inrr_jax.baselines.points.triangles import clough_tocher, linear


class Entry(NamedTuple):
    """An interpolation, and which points it is meant for."""

    interpolate: Interpolate
    dimensions: int = 10
    """Largest number of coordinates."""
    largest: int = 1_000_000
    """Number of points above which it takes more than about ten minutes, or runs out of memory."""


POINTS: dict[str, Entry] = {
    "nearest": Entry(standardised(nearest)),
    "nearest_scaled": Entry(scaled(nearest)),
    "idw": Entry(standardised(idw)),
    "idw_scaled": Entry(scaled(idw)),
    # The number of simplices grows with a power of the number of coordinates.
    "linear": Entry(standardised(linear), dimensions=4),
    "linear_scaled": Entry(scaled(linear), dimensions=4, largest=300_000),
    "clough_tocher": Entry(standardised(clough_tocher), dimensions=2),
    "thin_plate": Entry(standardised(thin_plate)),
    "thin_plate_scaled": Entry(scaled(thin_plate)),
    "kriging": Entry(standardised(kriging)),
    "kriging_scaled": Entry(scaled(kriging)),
    # It learns a scale for each axis itself.
    "gaussian_process": Entry(standardised(gaussian_process), largest=1500),
}
"""All interpolations by the names that comparisons and results use. Coordinates are divided by their standard
deviations, or, with `_scaled`, have scales that a hold-out chooses."""
