"""Measures of the quality of a recovery: PSNR, NMAE and SSIM on the missing, the observed or all entries.

Signals are float arrays ``[*grid, C]`` with values in [0, 1]; masks are bool arrays ``[*grid]``, True where observed.
The PSNR on the MISSING entries measures how well a method generalises. The PSNR on all entries mostly measures how well
the method fits the entries that it was given.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.operators.masking import paste
from inrr_jax.problem import Problem

NAMES = ("psnr_missing", "psnr_observed", "psnr_all", "psnr_pasted", "nmae_missing", "ssim_pasted")
"""The scores that `summarize` returns."""
ARRAY_NAMES = ("psnr_missing", "rmse_missing", "nmae_missing")
"""The scores that `score_array` and `score_missing` return."""
SSIM_WINDOW = 7
"""Side of the window of SSIM in pixels, which is scikit-image's default."""

Signal = Float[Array | np.ndarray, "*grid C"]
Mask = Bool[Array | np.ndarray, "*grid"]


def psnr(x: Signal, y: Signal, where: Mask | None = None) -> Float[Array, ""]:
    """Return the peak signal-to-noise ratio in dB, ``-10 log10 mean((x - y)^2)``, for a peak value of 1.

    Args:
        x: the recovery.
        y: the truth.
        where: the pixels to average over; all by default. Other pixels may hold any values, including NaN.

    Returns:
        A scalar in dB. It is inf if x equals y, and NaN if `where` selects no pixel.
    """
    return -10 * jnp.log10(_mean(jnp.square(jnp.asarray(x) - y), where))


def nmae(x: Signal, y: Signal, where: Mask | None = None) -> Float[Array, ""]:
    """Return the normalised mean absolute error, ``mean |x - y| / (max y - min y)``.

    The maximum and the minimum are those of the whole truth, even if `where` selects a part of it. This is the
    convention of AIR (Li et al., arXiv 2208.05640).

    Args:
        x: the recovery.
        y: the truth, which must not be constant.
        where: the pixels to average over; all by default.

    Returns:
        A dimensionless scalar of at least 0, which is 0 for a perfect recovery and NaN if `where` selects no pixel.
    """
    y = jnp.asarray(y)
    return _mean(jnp.abs(x - y), where) / (y.max() - y.min())


def ssim(x: Signal, y: Signal) -> float:
    """Return the structural similarity (Wang et al., IEEE TIP 2004), as scikit-image computes it for a data range of 1.

    The window is uniform with a side of 7 pixels, or of the largest odd number of pixels that fits into a smaller
    signal. The function cannot be traced by JAX.

    Args:
        x: the recovery.
        y: the truth.

    Returns:
        A number of at most 1, which is reached if x equals y. It is NaN if a side of the grid is shorter than 3
        pixels, because a window of one pixel has no variance.
    """
    from skimage.metrics import structural_similarity  # slow to import, and not needed by most users of this module

    side = min(x.shape[:-1])
    if side < 3:
        return float("nan")
    window = min(SSIM_WINDOW, side - 1 + side % 2)  # the window must be odd to have a centre
    x, y = np.asarray(x), np.asarray(y)
    return float(structural_similarity(x, y, win_size=window, channel_axis=-1, data_range=1.0))


def summarize(recovered: Signal, truth: Signal, mask: Mask) -> dict[str, float]:
    """Return all scores of one recovery, computed in the same way as those of the published tables.

    The recovery is first clipped to [0, 1], the range of a signal. Clipping changes nothing for a network with a
    sigmoid at its output or for the classical fills of `inrr_jax.baselines`, and it never increases an error.

    Args:
        recovered: the raw output of a method, in which observed pixels have not been replaced by the observations.
        truth: the whole image.
        mask: True where observed.

    Returns:
        `psnr_missing`, `psnr_observed` and `psnr_all`, the PSNR in dB of the raw output on these entries;
        `psnr_pasted`, the PSNR in dB on all entries after the observations have been pasted into the output;
        `nmae_missing`, the normalised mean absolute error on missing entries; and `ssim_pasted`, the structural
        similarity after pasting.
    """
    errors, pasted = _errors_and_pasted(jnp.asarray(recovered), jnp.asarray(truth), jnp.asarray(mask))
    return {name: float(errors[name]) if name in errors else ssim(pasted, truth) for name in NAMES}


# One program, because a process that scores one picture would otherwise compile every operation by itself.
@jax.jit
def _errors_and_pasted(recovered: Signal, truth: Signal, mask: Mask) -> tuple[dict[str, Float[Array, ""]], Signal]:
    recovered = jnp.clip(recovered, 0, 1)
    pasted = paste(recovered, truth, mask)
    errors = {
        "psnr_missing": psnr(recovered, truth, ~mask),
        "psnr_observed": psnr(recovered, truth, mask),
        "psnr_all": psnr(recovered, truth),
        "psnr_pasted": psnr(pasted, truth),
        "nmae_missing": nmae(recovered, truth, ~mask),
    }
    return errors, pasted


def score(recovered: Signal, problem: Problem) -> dict[str, float | None]:
    """Return all scores of a recovery of a masked signal; None for those that need a truth which is not known."""
    has_truth = problem.truth is not None
    reference = problem.truth if has_truth else problem.measurements
    return hide_unknown(summarize(recovered, reference, problem.operator.mask), has_truth=has_truth)


def score_array(recovered: Signal, problem: Problem) -> dict[str, float | None]:
    """Return the scores of `score_missing` for a masked array; None if the truth is not known."""
    return score_missing(recovered, problem, np.asarray(problem.operator.mask))


def score_missing(recovered: Signal, problem: Problem, observed: Mask) -> dict[str, float | None]:
    """Return errors on the missing entries whose truth is known; NaN in the truth is skipped.

    Args:
        recovered: in the units of the fit, in which the observed values span [0, 1].
        problem: with the truth, in the same units, and with the units of the data.
        observed: True where observed.

    Returns:
        `psnr_missing`, -10 log10 of the mean squared error, for a peak that is the range of the observed values;
        `rmse_missing`, the root of the mean squared error in the data's own units; `nmae_missing`, the mean absolute
        error divided by the range of the observed values. All are None without a truth.
    """
    if problem.truth is None:
        return dict.fromkeys(ARRAY_NAMES)
    truth = np.asarray(problem.truth)
    error = (np.asarray(recovered) - truth)[~np.asarray(observed) & ~np.isnan(truth).any(axis=-1)]
    in_own_units = error * np.asarray(problem.units.scale, np.float32)
    with np.errstate(divide="ignore"):
        decibels = -10 * np.log10(np.mean(np.square(error)))
    return {
        "psnr_missing": float(decibels),
        "rmse_missing": float(np.sqrt(np.mean(np.square(in_own_units)))),
        "nmae_missing": float(np.mean(np.abs(error))),
    }


def hide_unknown(scores: dict[str, float], *, has_truth: bool) -> dict[str, float | None]:
    """Replace every score that depends on the missing pixels by None, unless their true values are known.

    Args:
        scores: as `summarize` returns them.
        has_truth: whether the image holds the true values at its missing pixels. If it does not, these pixels hold an
            arbitrary value, and a comparison with it would be meaningless.
    """
    return {name: value if has_truth or name == "psnr_observed" else None for name, value in scores.items()}


def _mean(values: Float[Array, "*grid C"], where: Mask | None) -> Float[Array, ""]:
    return jnp.mean(values) if where is None else jnp.mean(values, where=jnp.asarray(where)[..., None])
