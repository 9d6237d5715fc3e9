"""Blurred pictures."""

from dataclasses import dataclass

import numpy as np

from inrr_jax.data.kinds.inverse.pictures import MeasuredPicture
from inrr_jax.errors import UserError
from inrr_jax.operators.imaging import convolution
from inrr_jax.operators.imaging.convolution import Convolution
from inrr_jax.options import at_least, choice


@dataclass(frozen=True)
class Config(MeasuredPicture):
    """Options of a blurred picture."""

    name: str = choice("deblur")
    sigma: float = at_least(2 / 255, 0.0)
    """Standard deviation of Gaussian noise, for values in [0, 1]."""
    blur: str = choice("gaussian", "motion", "file")
    """The kernel: gaussian, motion (a straight line), or file."""
    width: float = at_least(1.6, 0.0, above=True)
    """Standard deviation of the Gaussian, or length of the motion, in pixels."""
    angle: float = at_least(30.0, -360.0)
    """Of the motion, in degrees from the rows."""
    kernel: str = ""
    """Path of a kernel (.npy, two axes with odd numbers of entries), for blur=file; it is scaled to the sum 1."""

    def operator(self) -> Convolution:
        """Return the convolution.

        Raises:
            UserError: the kernel cannot be read.
        """
        if self.blur == "gaussian":
            return Convolution(convolution.gaussian(self.width))
        if self.blur == "motion":
            return Convolution(convolution.motion(self.width, self.angle))
        try:
            kernel = np.load(self.kernel, allow_pickle=False).astype(np.float32)
        except (OSError, ValueError) as error:
            raise UserError(f"data.kernel={self.kernel!r} cannot be read ({error}): give the path of a .npy") from None
        if not np.isfinite(kernel).all() or not kernel.sum() > 0:
            raise UserError(f"data.kernel={self.kernel}: give finite numbers whose sum is above 0")
        return Convolution(kernel / kernel.sum())
