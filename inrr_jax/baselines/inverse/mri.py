"""Classical reconstructions of undersampled parallel imaging, each with the coil maps that it estimates.

A method returns the channels of the problem, real and imaginary part of the image and of every map. Its weight is the
one whose recovery from a part of the lines predicts the others best.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Complex, Float

from inrr_jax.baselines.inverse import coils
from inrr_jax.baselines.inverse.deep_prior import deep_image_prior
from inrr_jax.baselines.inverse.tv import tv
from inrr_jax.data.scanner import centred_fft, gridded, root_sum_of_squares
from inrr_jax.errors import UserError
from inrr_jax.operators.fourier import to_channels
from inrr_jax.operators.imaging.nonuniform import NonUniformImaging
from inrr_jax.problem import Problem

Spectrum = Complex[np.ndarray, "K H W"]
Values = Float[np.ndarray, "H W C"]
Maps = Callable[[Problem], Spectrum]

WEIGHTS = (3e-4, 1e-3, 3e-3, 1e-2)
"""Candidates of the weight of the wavelets' magnitudes; the image has values near 1."""
ITERATIONS = 60
"""Of the proximal gradient method."""
SHARE, SEED = 0.1, 0
"""Of the lines that are held out."""
KERNEL = 7
"""Side of JSENSE's maps in k-space."""


class Acquired(NamedTuple):
    """The samples of k-space, in the form that sigpy takes."""

    samples: Complex[np.ndarray, "K *m"]
    """Zero where they are held out or missing."""
    weights: Float[np.ndarray, "*m"]
    """1 where there are samples, and 0 elsewhere."""
    frequencies: Float[np.ndarray, "*m 2"] | None
    """In cycles over the image; None: those of the grid."""


def acquired(problem: Problem) -> Acquired:
    """Return the kept samples of a problem as complex numbers."""
    operator, measured = problem.operator, np.asarray(problem.measurements)
    samples = measured[..., 0] + 1j * measured[..., 1]
    kept = np.broadcast_to(True if operator.kept is None else np.asarray(operator.kept)[..., 0], samples.shape)
    frequencies = None
    if isinstance(operator, NonUniformImaging):
        frequencies = np.asarray(operator.frequencies) * np.array(problem.domain.shape)
    return Acquired(np.where(kept, samples, 0), kept[0].astype(float), frequencies)


def on_grid(problem: Problem) -> tuple[Spectrum, Bool[np.ndarray, "H W"]]:
    """Return k-space on the grid, zero where it is not sampled, and where it is.

    Of spokes, it is the transform of the gridded images, and sampled within the distance from the middle where spokes
    lie as close as the grid's frequencies.
    """
    operator, shape, (samples, weights, _) = problem.operator, problem.domain.shape, acquired(problem)
    if not isinstance(operator, NonUniformImaging):
        return samples, operator.sampled(shape)
    kept = weights[:, 0] > 0
    spectrum = centred_fft(gridded(samples[:, kept], np.asarray(operator.frequencies)[kept], shape))
    axes = np.meshgrid(*((np.arange(n) - n // 2) / n for n in shape), indexing="ij")
    return spectrum, np.hypot(*axes) <= kept.sum() / (np.pi * max(shape))


def zero_filled(problem: Problem) -> Values:
    """Return the root sum of squares of the coils' images, with zeros where k-space is not sampled."""
    images = centred_fft(on_grid(problem)[0], inverse=True)
    brightness = root_sum_of_squares(images)
    return joined(brightness.astype(complex), images / np.maximum(brightness, 1e-12))


def espirit_wavelets(problem: Problem) -> Values:
    """Return the image with small wavelet coefficients for the maps of ESPIRiT (Uecker et al., MRM 2014)."""
    return _with_chosen_weight(problem, lambda part: coils.espirit(*on_grid(part)))


def smooth_wavelets(problem: Problem) -> Values:
    """Return the image with small wavelet coefficients for the maps of the smoothed images of the lines in the middle.

    These maps have no gaps where four lines are too few for ESPIRiT.
    """
    return _with_chosen_weight(problem, lambda part: coils.smooth_maps(*on_grid(part)))


def smooth_tv(problem: Problem) -> Values:
    """Return the image with small total variation for the maps of the smoothed images of the lines in the middle."""
    return _with_smooth_maps(problem, tv)


def smooth_deep_prior(problem: Problem) -> Values:
    """Return the image of the deep image prior for the same maps."""
    return _with_smooth_maps(problem, deep_image_prior)


def _with_smooth_maps(problem: Problem, recover: Callable[[Problem], Values]) -> Values:
    maps = joined(np.zeros(problem.domain.shape, complex), coils.smooth_maps(*on_grid(problem)))[..., 2:]
    known = problem._replace(
        operator=dataclasses.replace(problem.operator, maps=maps),
        domain=dataclasses.replace(problem.domain, channels=2, signal=0),
    )
    return np.concatenate([recover(known), maps], axis=-1)


def jsense(problem: Problem) -> Values:
    """Return the image with small wavelet coefficients for the maps of JSENSE (Ying and Sheng, MRM 2007), by sigpy."""
    return _with_chosen_weight(problem, _jsense_maps)


MRI: dict[str, Callable[[Problem], Values]] = {
    "zero-filled": zero_filled,
    "ESPIRiT + L1": espirit_wavelets,
    "smooth maps + TV": smooth_tv,
    "smooth maps + L1": smooth_wavelets,
    "JSENSE + L1": jsense,
    "smooth maps + deep image prior": smooth_deep_prior,
}
"""By name, from simple to strong; the last takes longest. Those with L1 need sigpy."""


def joined(image: Complex[np.ndarray, "H W"], maps: Spectrum) -> Values:
    """Return an image and maps as channels."""
    return np.asarray(to_channels(np.concatenate([image[None], maps]).astype(np.complex64)))


def _with_chosen_weight(problem: Problem, estimate: Maps) -> Values:
    fitted, held = problem.operator.hold_out(problem.measurements.shape, SEED, SHARE)
    part = problem._replace(operator=fitted)
    maps = estimate(part)
    recoveries = (joined(sparse(acquired(part), maps, weight), maps) for weight in WEIGHTS)
    measured = jnp.asarray(problem.measurements)
    errors = [float(held.distance(jnp.asarray(values), measured)) for values in recoveries]
    maps = estimate(problem)
    return joined(sparse(acquired(problem), maps, WEIGHTS[int(np.argmin(errors))]), maps)


def sparse(given: Acquired, maps: Spectrum, weight: float) -> Complex[np.ndarray, "H W"]:
    """Return argmin_x 1/2 |M F S x - y|² + weight |W x|_1, W an orthogonal wavelet transform (Lustig et al., MRM 2007).

    Raises:
        UserError: sigpy is not installed.
    """
    app = _sigpy().app.L1WaveletRecon(
        given.samples,
        maps,
        weight,
        weights=given.weights,
        coord=given.frequencies,
        max_iter=ITERATIONS,
        show_pbar=False,
    )
    return np.asarray(app.run())


def _jsense_maps(problem: Problem) -> Spectrum:
    given = acquired(problem)
    width = min(coils.LARGEST, *problem.domain.shape)
    app = _sigpy().app.JsenseRecon(
        given.samples,
        mps_ker_width=KERNEL,
        ksp_calib_width=width,
        weights=given.weights,
        coord=given.frequencies,
        img_shape=None if given.frequencies is None else problem.domain.shape,
        lamda=1e-3,
        show_pbar=False,
    )
    return np.asarray(app.run())


def _sigpy():
    try:
        import sigpy.mri
    except ImportError:
        raise UserError("sigpy is not installed: pip install sigpy") from None
    return sigpy.mri
