"""Tables of the fills by the names that comparisons and results use."""

from inrr_jax.baselines.contract import Fill
from inrr_jax.baselines.diffusion import biharmonic, harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.baselines.opencv import navier_stokes, telea
from inrr_jax.baselines.patch_fill import locally_linear, locally_linear_fine
from inrr_jax.baselines.soft_impute import soft_impute
from inrr_jax.baselines.total_variation import tv
from inrr_jax.baselines.wnll import wnll

CLASSICAL: dict[str, Fill] = {
    "linear": linear,
    "harmonic": harmonic,
    "biharmonic": biharmonic,
    "tv": tv,
    "soft_impute": soft_impute,
    "telea_r3": telea,
    "navier_stokes_r5": navier_stokes,
}
"""The classical methods. The names of OpenCV's two methods contain their radius in pixels."""

FILLS: dict[str, Fill] = {
    **CLASSICAL,
    "wnll": wnll,
    "locally_linear": locally_linear,
    "locally_linear_fine": locally_linear_fine,
}
"""All fills of this package: the classical ones, and those on graphs of patches."""
