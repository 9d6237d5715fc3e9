"""The report of parallel magnetic resonance imaging with unknown coil maps."""

import importlib.util
from pathlib import Path
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inrr_jax import metrics
from inrr_jax.baselines.inverse.mri import MRI
from inrr_jax.data.scanner import root_sum_of_squares
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values

SHOWN_MAPS = 4
"""Maps in the figure."""


class Report(base.Report):
    """Scores of the brightness, classical methods, and figures of the image and of the maps.

    The brightness is the root sum of squares of the coils' images, of a recovery as of the truth. It does not change if
    the image is multiplied and the maps are divided by anything, so that no method has a scale to be fitted.
    """

    names: ClassVar = ("psnr", "ssim", "misfit")
    files: ClassVar = ("recovery.npy", "comparison.png", "maps.png")

    def describe(self, problem: Problem) -> str:
        """Return the coils, and the share of k-space that is sampled."""
        return f"{len(problem.measurements)} coils, {100 * _sampled(problem).mean():.1f} % of k-space"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores.

        Returns:
            psnr: -10 log10 of the mean squared error of the brightness over the square of its largest true value, in
            dB; ssim: its structural similarity for the same range; misfit: of the measurements. Without a truth, the
            first two are None.
        """
        scores: Scores = {"misfit": float(problem.operator.distance(*map(jnp.asarray, (values, problem.measurements))))}
        if problem.truth is None:
            return {"psnr": None, "ssim": None, **scores}
        truth = brightness(problem.truth, problem)
        shown, true = (a[..., None] / truth.max() for a in (brightness(values, problem), truth))
        return {"psnr": float(metrics.psnr(shown, true)), "ssim": metrics.ssim(shown, true), **scores}

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the image with zeros where nothing was sampled; with sigpy, wavelets for two estimates of the maps."""
        names = ["zero-filled"]
        if importlib.util.find_spec("sigpy"):
            names += ["ESPIRiT + L1", "JSENSE + L1"]
        return {name: MRI[name](problem) for name in names}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write image and maps as complex numbers [1 + K, H, W], or a figure."""
        from inrr_jax.plots import panels

        problem, values = recovery.problem, recovery.values
        if name == "recovery.npy":
            parts = np.moveaxis(values, -1, 0)
            np.save(path, (parts[0::2] + 1j * parts[1::2]).astype(np.complex64))
            return
        if name == "maps.png":
            shown = _magnitudes(values, "map")
            if problem.truth is not None:
                shown |= _magnitudes(np.asarray(problem.truth), "true map")
            panels.maps(path, shown, columns=min(SHOWN_MAPS, len(problem.measurements)))
            return
        truth = None if problem.truth is None else brightness(problem.truth, problem)
        recovered = {"recovery": brightness(values, problem)}
        recovered |= {name: brightness(other, problem) for name, other in recovery.references.items()}
        largest = max(image.max() for image in recovered.values()) if truth is None else truth.max()
        shown = {"sampled": _sampled(problem)}
        shown |= {name: image / largest for name, image in recovered.items()}
        limits = {}
        if truth is not None:
            shown = {"sampled": shown.pop("sampled"), "truth": truth / largest, **shown}
            errors = {f"error of {name}": (image - truth) / largest for name, image in recovered.items()}
            limits = dict.fromkeys(errors, 0.1)
            shown |= errors
        panels.maps(path, shown, limit=limits)


def brightness(values: Values, problem: Problem) -> Float[np.ndarray, "H W"]:
    """Return the root sum of squares of the coils' images of a recovery."""
    return root_sum_of_squares(np.asarray(problem.operator.coil_images(jnp.asarray(values, jnp.float32))))


def _sampled(problem: Problem) -> Float[np.ndarray, "H W"]:
    """Return 1 at the frequencies of the grid that are sampled, or that are nearest to a sample."""
    return problem.operator.sampled(problem.domain.shape).astype(np.float32)


def _magnitudes(values: Values, title: str) -> dict[str, Float[np.ndarray, "H W"]]:
    """Return the magnitudes of the first maps, divided by their root sum of squares."""
    magnitude = np.hypot(values[..., 2::2], values[..., 3::2])
    magnitude = magnitude / np.maximum(np.sqrt((magnitude**2).sum(axis=-1, keepdims=True)), 1e-12)
    return {f"{title} {i + 1}": magnitude[..., i] for i in range(min(SHOWN_MAPS, magnitude.shape[-1]))}
