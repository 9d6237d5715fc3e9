"""Completions of tensors: what a learned recovery of a signal on a grid of any number of axes has to beat."""

from typing import NamedTuple

from inrr_jax.baselines.holdout import changing_axes
from inrr_jax.baselines.tensors.als import als
from inrr_jax.baselines.tensors.contract import Complete, Observed
from inrr_jax.baselines.tensors.halrtc import halrtc
from inrr_jax.baselines.tensors.harmonic import harmonic, harmonic_scaled
from inrr_jax.baselines.tensors.lines import linear, pchip, spline
from inrr_jax.baselines.tensors.nearest import nearest
from inrr_jax.baselines.tensors.patches import patches
from inrr_jax.baselines.tensors.smooth import dct_pls, dct_pls_scaled
from inrr_jax.baselines.tensors.tctv import tctv_of


class Entry(NamedTuple):
    """A completion, and which tensors it is meant for."""

    complete: Complete
    axes: int = 1
    """Smallest number of axes; two channels or more count as one for `halrtc`, `tctv` and `als`."""
    largest: int = 30_000_000
    """Number of entries above which it takes more than about ten minutes or 16 GB."""
    changing: int | None = None
    """Number of axes along which a mask has to change; None: any."""

    def suits(self, mask: Observed, channels: int = 1) -> bool:
        """Return whether the method is meant for a signal under a mask, with so many channels."""
        enough = mask.ndim + (channels > 1) >= self.axes
        return enough and (self.changing is None or len(changing_axes(mask)) == self.changing)


TENSORS: dict[str, Entry] = {
    "nearest": Entry(nearest, largest=100_000_000),
    "linear": Entry(linear),
    "pchip": Entry(pchip),
    "spline": Entry(spline),
    "harmonic": Entry(harmonic),
    "harmonic_scaled": Entry(harmonic_scaled),
    "dct_pls": Entry(dct_pls),
    "dct_pls_scaled": Entry(dct_pls_scaled),
    "als": Entry(als, axes=2, largest=20_000_000),
    "halrtc": Entry(halrtc, axes=2, largest=20_000_000),
    "tctv": Entry(tctv_of((0, 1)), axes=3, largest=8_000_000),
    "tctv_12": Entry(tctv_of((1, 2)), axes=3, largest=8_000_000),
    "tctv_20": Entry(tctv_of((2, 0)), axes=3, largest=8_000_000),
    "patches": Entry(patches, axes=2, largest=8_000_000, changing=2),
}
"""All completions by the names that comparisons and results use."""
