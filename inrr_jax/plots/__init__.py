"""Figures. No other part of the package imports matplotlib, which takes long to load.

Every function draws one figure and writes it as a PNG; `animation` writes a GIF.
"""

from inrr_jax.plots.animation import animation
from inrr_jax.plots.images import MISSING_COLOR, paint_missing, pictures
from inrr_jax.plots.measurements import bars, lines, pairs
from inrr_jax.plots.methods import gains, side_by_side
from inrr_jax.plots.run import comparison
from inrr_jax.plots.slices import profiles, slices

__all__ = [
    "MISSING_COLOR",
    "animation",
    "bars",
    "comparison",
    "gains",
    "lines",
    "paint_missing",
    "pairs",
    "pictures",
    "profiles",
    "side_by_side",
    "slices",
]
