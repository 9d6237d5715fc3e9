"""Blurred pictures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inrr_jax.data.kinds.inverse.pictures import FINER, MeasuredPicture, Scene, means
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
        return Convolution(self._kernel(1))

    def simulate(self, scene: Scene) -> Float[np.ndarray, "H W C"]:
        """Return the means over pixels of the scene, blurred on its fine grid in float64 by scipy.

        The scene continues beyond its border with the values at the border, where the operator mirrors it.

        Raises:
            UserError: the kernel cannot be read.
        """
        from scipy.ndimage import convolve

        assert scene.fine is not None
        kernel = self._kernel(FINER).astype(np.float64)
        channels = np.moveaxis(scene.fine.astype(np.float64), -1, 0)
        return means(np.stack([convolve(c, kernel, mode="nearest") for c in channels], axis=-1), FINER)

    def _kernel(self, finer: int) -> Float[np.ndarray, "a b"]:
        """Return the kernel on a grid with `finer` nodes per pixel, with the sum 1.

        Raises:
            UserError: it cannot be read.
        """
        if self.kernel and self.blur != "file":
            raise UserError(f"data.kernel={self.kernel} is read by data.blur=file only, not by {self.blur}")
        if self.blur == "gaussian":
            return convolution.gaussian(finer * self.width)
        if self.blur == "motion":
            return convolution.motion(finer * self.width, self.angle)
        try:
            kernel = np.load(self.kernel, allow_pickle=False).astype(np.float32)
        except (OSError, ValueError) as error:
            raise UserError(f"data.kernel={self.kernel!r} cannot be read ({error}): give the path of a .npy") from None
        if not np.isfinite(kernel).all() or not kernel.sum() > 0:
            raise UserError(f"data.kernel={self.kernel}: give finite numbers whose sum is above 0")
        if finer > 1:
            from scipy.ndimage import zoom

            # Linear between the nodes, with the middle in the middle.
            kernel = zoom(kernel, [(finer * (k - 1) + 1) / k for k in kernel.shape], order=1)
        return kernel / kernel.sum()
