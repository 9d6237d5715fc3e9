"""What users would otherwise do with noisy, small or blurred pictures; parameters are chosen by held-out pixels."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.inverse.choice import best
from inrr_jax.errors import UserError
from inrr_jax.operators.noise import Gaussian
from inrr_jax.problem import Problem

Picture = Float[np.ndarray, "H W C"]

WIENER_BALANCES = tuple(np.geomspace(1e-4, 1.0, 9).tolist())
SHIFTS = 5
"""Of the wavelets along each axis, by 0 to 4 pixels."""
LUCY_ITERATIONS = (5.0, 10.0, 20.0, 40.0, 80.0)


def deviation(problem: Problem) -> float:
    """Return the standard deviation of the noise of a picture, as the problem states it or as wavelets estimate it."""
    noise = problem.operator.noise
    if isinstance(noise, Gaussian) and noise.sigma:
        return noise.sigma
    from skimage.restoration import estimate_sigma

    return float(estimate_sigma(np.asarray(problem.measurements), channel_axis=-1, average_sigmas=True))


def noisy(problem: Problem) -> Picture:
    """Return the measurements themselves."""
    return np.asarray(problem.measurements)


def nonlocal_means(problem: Problem) -> Picture:
    """Return non-local means (Buades, Coll and Morel, CVPR 2005) with the parameters that scikit-image recommends."""
    from skimage.restoration import denoise_nl_means

    sigma = deviation(problem)
    options = {"patch_size": 5, "patch_distance": 6, "fast_mode": False, "channel_axis": -1}
    denoised = denoise_nl_means(noisy(problem), h=0.8 * sigma, sigma=sigma, **options)
    return denoised.reshape(noisy(problem).shape).astype(np.float32)  # scikit-image removes a single channel


def wavelets(problem: Problem) -> Picture:
    """Return BayesShrink wavelet thresholding, averaged over shifts (Coifman and Donoho 1995).

    Raises:
        UserError: PyWavelets is not installed.
    """
    from skimage.restoration import denoise_wavelet

    # Without its own channel axis, the transform would take the channels for a third axis of one pixel.
    options = {"sigma": deviation(problem), "rescale_sigma": True, "channel_axis": -1}
    measured = noisy(problem)
    total = np.zeros_like(measured)
    try:
        for shift in np.ndindex(SHIFTS, SHIFTS):
            moved = denoise_wavelet(np.roll(measured, shift, (0, 1)), **options)
            total += np.roll(moved, [-n for n in shift], (0, 1)) / SHIFTS**2
    except ImportError:
        raise UserError("wavelets need PyWavelets: pip install PyWavelets") from None
    return total


def bm3d(problem: Problem) -> Picture:
    """Return BM3D (Dabov et al., IEEE TIP 2007), channel by channel.

    Raises:
        UserError: the package bm3d is not installed.
    """
    return bm3d_denoiser(noisy(problem), deviation(problem))


def bm3d_denoiser(values: Picture, sigma: float) -> Picture:
    """Return values with noise of standard deviation sigma removed by BM3D, channel by channel.

    Raises:
        UserError: the package bm3d is not installed.
    """
    try:
        from bm3d import bm3d as denoise
    except ImportError:
        raise UserError("bm3d is not installed: pip install bm3d (its licence excludes commercial use)") from None
    channels = [denoise(channel, sigma) for channel in np.moveaxis(values, -1, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)


def bicubic(problem: Problem) -> Picture:
    """Return cubic spline interpolation of block averages, placed at the centres of their blocks."""
    return _resized(problem, "bicubic")


def lanczos(problem: Problem) -> Picture:
    """Return Lanczos interpolation of block averages."""
    return _resized(problem, "lanczos")


def wiener(problem: Problem) -> Picture:
    """Return the Wiener filter with a Laplacian prior, as scikit-image has it, with its balance chosen by pixels."""
    from skimage.restoration import wiener as filtered

    def recover(part: Problem, balance: float) -> Picture:
        return _deconvolved(part, lambda c, kernel: filtered(c, kernel, balance, clip=False))

    return best(problem, recover, WIENER_BALANCES)


def richardson_lucy(problem: Problem) -> Picture:
    """Return Richardson-Lucy deconvolution with the number of iterations chosen by pixels."""
    from skimage.restoration import richardson_lucy as iterated

    def recover(part: Problem, iterations: float) -> Picture:
        return _deconvolved(part, lambda c, kernel: iterated(c.clip(1e-3, None), kernel, int(iterations)))

    return best(problem, recover, LUCY_ITERATIONS)


def _deconvolved(problem: Problem, deconvolve: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Picture:
    """Apply a deconvolution to each channel, which is mirrored at its border because the methods wrap or pad it."""
    kernel = np.asarray(problem.operator.kernel)
    reach = [k // 2 for k in kernel.shape]
    inner = tuple(slice(r, -r or None) for r in reach)
    channels = [np.pad(c, [(r, r) for r in reach], "symmetric") for c in np.moveaxis(_filled(problem), -1, 0)]
    return np.stack([deconvolve(c, kernel)[inner] for c in channels], axis=-1).astype(np.float32)


def _filled(problem: Problem) -> Picture:
    """Return the measurements with those that are not kept replaced by their nearest kept ones."""
    measured, kept = np.asarray(problem.measurements), problem.operator.kept
    if kept is None:
        return measured
    from scipy.ndimage import distance_transform_edt

    missing = ~np.broadcast_to(np.asarray(kept), measured.shape)[..., 0]
    index = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return measured[tuple(index)]


def _resized(problem: Problem, name: str) -> Picture:
    from PIL import Image

    height, width = problem.domain.shape
    method = Image.Resampling[name.upper()]
    channels = np.moveaxis(_filled(problem), -1, 0)
    return np.stack([np.asarray(Image.fromarray(c).resize((width, height), method)) for c in channels], axis=-1)
