"""Measurements of the properties that the paper claims (INRR, Li et al., CVPR 2023), each on a few small fits.

Every module measures one property and decides which claims hold in its numbers.
"""

from collections.abc import Callable

from inrr_jax.experiments.paper import effective_rank, figure2, learned_or_frozen, momentum, similarity, spectral_bias
from inrr_jax.experiments.paper.runs import Property, Runs
from inrr_jax.experiments.paper.settings import FiguresSettings

__all__ = ["MEASURES", "FiguresSettings", "Property", "Runs"]

MEASURES: dict[str, Callable[[FiguresSettings, Runs], Property]] = {
    "figure2": figure2.measure,
    "momentum": momentum.measure,
    "effective_rank": effective_rank.measure,
    "similarity": similarity.measure,
    "learned_or_frozen": learned_or_frozen.measure,
    "spectral_bias": spectral_bias.measure,
}
"""The measurements by the names of the properties."""
