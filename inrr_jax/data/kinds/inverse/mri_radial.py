"""Parallel magnetic resonance imaging along spokes, without calibration: simulated coils."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from inrr_jax.data import scanner
from inrr_jax.data.kinds.inverse import mri
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.imaging.nonuniform import NonUniformImaging
from inrr_jax.operators.noise import Gaussian
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem


class Content(NamedTuple):
    """What simulated coils measure, without noise."""

    grid: Complex[np.ndarray, "K H W"]
    """All of k-space, for the truth."""
    spokes: Complex[np.ndarray, "K R N"]
    frequencies: Float[np.ndarray, "R N 2"]
    """Of the spokes, in cycles per pixel."""


@dataclass(frozen=True)
class Config(mri.Simulated):
    """Options of the recovery of an image and of coil maps from spokes through the middle of k-space."""

    name: str = choice("mri_radial")
    size: int = at_least(128, 0)
    """Longest side of the picture in pixels after resizing; 0: its own size."""
    spokes: int = at_least(26, 1)
    """Spokes, each turned by the golden angle against the one before, with as many samples as the longest side has."""

    @property
    def label(self) -> str:
        """The picture, and the numbers of coils and spokes."""
        return f"{super().label}, {self.spokes} spokes"

    def read(self) -> Content:
        """Simulate k-space on the grid and along the spokes without noise.

        Raises:
            UserError: the picture cannot be read.
        """
        picture = self.picture()
        frequencies = scanner.spokes(self.spokes, max(picture.shape))
        # Both draw the same phase.
        whole = scanner.k_space(picture, self.coils, np.random.default_rng(self.seed))
        along = scanner.spokes_of(picture, self.coils, np.random.default_rng(self.seed), frequencies)
        return Content(whole, along, frequencies)

    def problem(self, content: Content, mask: MaskSettings) -> Problem:
        """Return the problem of the image and the maps from noisy samples of the spokes. The mask is not used.

        Channels, the truth and the noise are those of `mri.Config.problem`. Measurements are divided by the largest
        brightness of the image by `scanner.gridded`.
        """
        shape = content.grid.shape[1:]
        brightest = mri.largest_brightness(content.grid)
        measured = self.noisy(content.spokes, brightest, np.random.default_rng([self.seed, 1]))
        scale = scanner.root_sum_of_squares(scanner.gridded(measured, content.frequencies, shape)).max()
        operator = NonUniformImaging(
            frequencies=content.frequencies.astype(np.float32), noise=Gaussian(float(self.noise * brightest / scale))
        )
        samples = np.stack([measured.real, measured.imag], axis=-1) / scale
        truth = mri.truth_of(content.grid / scale) if self.truth else None
        domain = Domain(shape, 2 + 2 * self.coils, None, signal=2)
        return Problem(domain, operator, samples.astype(np.float32), truth=truth)
