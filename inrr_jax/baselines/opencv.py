"""The two inpainting methods of OpenCV, which is an optional dependency."""

import numpy as np

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.errors import UserError
from inrr_jax.types import Image, Mask

# Radius, in pixels, of the neighbourhood from which a missing pixel is predicted. The names in the tables of results
# contain it: `telea_r3` and `navier_stokes_r5`.
TELEA_RADIUS = 3
NAVIER_STOKES_RADIUS = 5


@keeping_observed
def telea(image: Image, mask: Mask) -> Image:
    """Fill by the fast marching method (Telea, J. Graphics Tools 2004) with OpenCV, radius 3 pixels.

    Raises:
        UserError: if OpenCV is not installed.
    """
    return _inpaint(image, mask, "INPAINT_TELEA", TELEA_RADIUS)


@keeping_observed
def navier_stokes(image: Image, mask: Mask) -> Image:
    """Continue isophotes by the Navier-Stokes method (Bertalmio et al., CVPR 2001) with OpenCV, radius 5 pixels.

    Raises:
        UserError: if OpenCV is not installed.
    """
    return _inpaint(image, mask, "INPAINT_NS", NAVIER_STOKES_RADIUS)


def _inpaint(image: Image, mask: Mask, method: str, radius: int) -> Image:
    """Fill each channel separately; `method` is the name of a flag of OpenCV, `radius` is in pixels."""
    try:
        import cv2
    except ImportError:
        raise UserError(
            f"{method} needs OpenCV, which is not installed: run `pip install opencv-python-headless`"
        ) from None
    # 8 bits, as Telea's method diverges on float pixels (seen in OpenCV 5.0.0).
    channels = np.moveaxis(np.round(image * 255).astype(np.uint8), -1, 0)
    missing = (~mask).astype(np.uint8)
    # Channel by channel, as `cv2.inpaint` accepts no other numbers of channels than one and three.
    filled = [cv2.inpaint(np.ascontiguousarray(c), missing, radius, getattr(cv2, method)) for c in channels]
    return np.stack(filled, -1) / 255
