"""How good a recovery is: PSNR, NMAE and SSIM, on the missing, the observed and all entries.

Signals are float in [0, 1], ``[*grid, C]``; masks are bool ``[*grid]``, True = observed. PSNR on the MISSING
entries says how well a method generalises: on all entries it mostly measures how well the observed ones are fitted.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

NAMES = ("psnr_missing", "psnr_observed", "psnr_all", "psnr_pasted", "nmae_missing", "ssim_pasted")
"""What `summarize` tells."""
SSIM_WINDOW = 7  # pixels, scikit-image's default

Signal = Float[Array | np.ndarray, "*grid C"]
Mask = Bool[Array | np.ndarray, "*grid"]


def psnr(x: Signal, y: Signal, where: Mask | None = None) -> Float[Array, ""]:
    """Peak signal-to-noise ratio, ``-10 log10 mean((x - y)^2)`` in dB, for a peak of 1.

    Args:
        x: the recovery.
        y: the truth.
        where: the pixels to average over, all by default. Other pixels may hold anything, NaN included.

    Returns:
        A scalar in dB: inf where x equals y, NaN where `where` selects nothing.
    """
    return -10 * jnp.log10(_mean(jnp.square(jnp.asarray(x) - y), where))


def nmae(x: Signal, y: Signal, where: Mask | None = None) -> Float[Array, ""]:
    """Normalised mean absolute error, ``mean |x - y| / (max y - min y)``.

    The range is that of the whole truth, `where` notwithstanding (the convention of AIR, arXiv 2208.05640).

    Args:
        x: the recovery.
        y: the truth, not constant.
        where: the pixels to average over, all by default.

    Returns:
        A scalar without unit: 0 is perfect; NaN where `where` selects nothing.
    """
    y = jnp.asarray(y)
    return _mean(jnp.abs(x - y), where) / (y.max() - y.min())


def ssim(x: Signal, y: Signal) -> float:
    """Structural similarity (Wang et al., IEEE TIP 2004) as scikit-image has it, for a data range of 1.

    Uniform window of 7 pixels a side, or the largest odd one that fits into a smaller signal. Not traceable by JAX.

    Args:
        x: the recovery.
        y: the truth.

    Returns:
        A number up to 1 (x equals y); NaN where a side is shorter than 3 pixels, as one pixel has no variance.
    """
    from skimage.metrics import structural_similarity

    side = min(x.shape[:-1])
    if side < 3:
        return float("nan")
    window = min(SSIM_WINDOW, side - 1 + side % 2)
    x, y = np.asarray(x), np.asarray(y)
    return float(structural_similarity(x, y, win_size=window, channel_axis=-1, data_range=1.0))


def paste(recovered: Signal, observed_image: Signal, mask: Mask) -> Float[Array, "*grid C"]:
    """Put the observed entries back into a recovery.

    Args:
        recovered: values everywhere.
        observed_image: values that count where `mask` is True; elsewhere it may hold anything, NaN included.
        mask: True = observed.

    Returns:
        ``where(mask, observed_image, recovered)``.
    """
    return jnp.where(jnp.asarray(mask)[..., None], observed_image, recovered)


def summarize(recovered: Signal, truth: Signal, mask: Mask) -> dict[str, float]:
    """Collect all numbers of one recovery, in the convention of the reference results.

    The recovery is first clipped to [0, 1], the range of a signal. That changes nothing for a network with a
    sigmoid or for the fills of `inrr_jax.baselines`, and never makes an error larger.

    Args:
        recovered: the raw output, observed pixels not put back.
        truth: the whole image.
        mask: True = observed.

    Returns:
        PSNR in dB on missing, observed and all entries of the raw output and on all entries after pasting
        (`psnr_missing`, `psnr_observed`, `psnr_all`, `psnr_pasted`), `nmae_missing`, and `ssim_pasted`.
    """
    mask = jnp.asarray(mask)
    recovered = jnp.clip(jnp.asarray(recovered), 0, 1)
    pasted = paste(recovered, truth, mask)
    return {
        "psnr_missing": float(psnr(recovered, truth, ~mask)),
        "psnr_observed": float(psnr(recovered, truth, mask)),
        "psnr_all": float(psnr(recovered, truth)),
        "psnr_pasted": float(psnr(pasted, truth)),
        "nmae_missing": float(nmae(recovered, truth, ~mask)),
        "ssim_pasted": ssim(pasted, truth),
    }


def known(scores: dict[str, float], *, truth: bool) -> dict[str, float | None]:
    """Blank what compares with missing pixels, unless these hold the truth."""
    return {name: value if truth or name == "psnr_observed" else None for name, value in scores.items()}


def _mean(values: Float[Array, "*grid C"], where: Mask | None) -> Float[Array, ""]:
    return jnp.mean(values) if where is None else jnp.mean(values, where=jnp.asarray(where)[..., None])
