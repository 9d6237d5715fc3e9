"""Figures: the only importer of matplotlib."""

from inrr_jax.plots.run import comparison, paint_missing

__all__ = ["comparison", "paint_missing"]
