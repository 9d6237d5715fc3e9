"""Reconstructions of a slice from its projections: scikit-image's, and those for every operator."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.inverse.deep_prior import deep_image_prior
from inrr_jax.baselines.inverse.tv import tikhonov, tv
from inrr_jax.errors import UserError
from inrr_jax.problem import Problem

FILTER = "hann"
"""Of the filtered backprojection: it damps noise more than the ramp alone."""
SWEEPS = 5
"""Of SART over all views."""

Values = Float[np.ndarray, "n n C"]


class Parallel(NamedTuple):
    """Projections as scikit-image expects them: bins of one pixel, and its centre of rotation."""

    sinogram: Float[np.ndarray, "n V C"]
    """In units of the value times a pixel."""
    degrees: Float[np.ndarray, "V"]


def fbp(problem: Problem) -> Values:
    """Return the filtered backprojection of parallel views (Kak and Slaney, 1988), as scikit-image computes it."""
    from skimage.transform import iradon

    sinogram, degrees = _as_parallel(problem)
    channels = [iradon(c, theta=degrees, filter_name=FILTER, circle=True) for c in np.moveaxis(sinogram, -1, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)


def sart(problem: Problem) -> Values:
    """Return sweeps of SART over parallel views (Andersen and Kak, Ultrason. Imaging 1984), as in scikit-image."""
    from skimage.transform import iradon_sart

    sinogram, degrees = _as_parallel(problem)
    channels = []
    for channel in np.moveaxis(np.ascontiguousarray(sinogram), -1, 0):
        found = np.zeros((len(channel), len(channel)))
        for _ in range(SWEEPS):
            found = iradon_sart(np.ascontiguousarray(channel), theta=degrees, image=found, clip=problem.domain.bounds)
        channels.append(found)
    return np.stack(channels, axis=-1).astype(np.float32)


CT: dict[str, Callable[[Problem], Values]] = {
    "fbp": fbp,
    "sart": sart,
    "tikhonov": tikhonov,
    "tv": tv,
    "deep_image_prior": deep_image_prior,
}
"""All reconstructions by the names that reports use."""


def methods(problem: Problem) -> dict[str, Callable[[Problem], Values]]:
    """Return the reconstructions that suit a problem: `fbp` and `sart` take parallel views of a square alone."""
    return CT if is_parallel(problem) else {name: method for name, method in CT.items() if name not in ("fbp", "sart")}


def is_parallel(problem: Problem) -> bool:
    """Return whether all measurements are views of parallel rays through a square grid."""
    rays, shape = problem.operator, problem.domain.shape
    if len(shape) != 2 or shape[0] != shape[1] or problem.domain.spacing or len(rays.layout) != 2:
        return False
    steps = np.asarray(rays.steps).reshape(*rays.layout, 2)
    return rays.kept is None and bool(np.abs(steps - steps[:, :1]).max() < 1e-4)


def _as_parallel(problem: Problem) -> Parallel:
    """Resample the views by cubic splines.

    scikit-image turns about the pixel n // 2 of the picture and of the detector, which the operator's rays do not, and
    its bins are as wide as pixels.

    Raises:
        UserError: the rays are not parallel.
    """
    from scipy.interpolate import CubicSpline

    if not is_parallel(problem):
        raise UserError("filtered backprojection and SART take parallel views of a square: choose tv or tikhonov")
    rays, size = problem.operator, problem.domain.shape[0]
    starts, steps = (np.asarray(x, np.float64).reshape(*rays.layout, 2) for x in (rays.starts, rays.steps))
    along = steps[:, 0] / np.linalg.norm(steps[:, 0], axis=-1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    # Rays are lines without a sense of direction: that of the detector's bins is kept.
    across *= np.sign(np.einsum("vd,vd->v", starts[:, -1] - starts[:, 0], across))[:, None]
    offsets = np.einsum("vbd,vd->vb", starts - size // 2, across)
    # The length of a step in the units of the integrals, over that in nodes.
    node = float((np.asarray(rays.lengths) / np.linalg.norm(np.asarray(rays.steps), axis=-1))[0])
    wanted, measured = np.arange(size) - size // 2, np.asarray(problem.measurements, np.float64) / node
    views = [
        np.nan_to_num(CubicSpline(s, view, extrapolate=False)(wanted))
        for s, view in zip(offsets, measured, strict=True)
    ]
    return Parallel(np.stack(views, axis=1), np.rad2deg(np.arctan2(-across[:, 0], across[:, 1])))
