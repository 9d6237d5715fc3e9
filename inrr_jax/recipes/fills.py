"""The registry of all fills: recoveries of a picture that need no network."""

from typing import NamedTuple

from inrr_jax.baselines.diffusion import biharmonic, harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.baselines.opencv import navier_stokes, telea
from inrr_jax.baselines.patch_fill import locally_linear, locally_linear_fine
from inrr_jax.baselines.patches.gsr import gsr
from inrr_jax.baselines.soft_impute import soft_impute
from inrr_jax.baselines.total_variation import tv
from inrr_jax.baselines.wnll import wnll
from inrr_jax.recipes.stacking import grouped, stacked
from inrr_jax.types import Fill


class Entry(NamedTuple):
    """A fill, and whether it counts as a classical method, which users would otherwise use."""

    fill: Fill
    classical: bool = False


FILLS: dict[str, Entry] = {
    "linear": Entry(linear, classical=True),
    "harmonic": Entry(harmonic, classical=True),
    "biharmonic": Entry(biharmonic, classical=True),
    "tv": Entry(tv, classical=True),
    "soft_impute": Entry(soft_impute, classical=True),
    # OpenCV's two methods are named with their radius in pixels.
    "telea_r3": Entry(telea, classical=True),
    "navier_stokes_r5": Entry(navier_stokes, classical=True),
    "wnll": Entry(wnll),
    "gsr": Entry(gsr),
    "locally_linear": Entry(locally_linear),
    "locally_linear_fine": Entry(locally_linear_fine),
    "stacked": Entry(stacked),
    "grouped": Entry(grouped),
}
"""All fills by the names that comparisons and results use."""
