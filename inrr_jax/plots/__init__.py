"""Figures: the only importer of matplotlib."""

from inrr_jax.plots.measurements import bars, lines
from inrr_jax.plots.methods import gains, side_by_side
from inrr_jax.plots.run import MISSING_COLOR, comparison, paint_missing, pictures

__all__ = ["MISSING_COLOR", "bars", "comparison", "gains", "lines", "paint_missing", "pictures", "side_by_side"]
