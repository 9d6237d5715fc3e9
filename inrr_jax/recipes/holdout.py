"""Choices without the true values of the missing entries: settings and weights by errors on held-out entries.

Some observed entries are held out (`baselines/holdout.py`), every candidate recovers the signal from the others, and
the candidates' errors on the held-out entries decide.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.holdout import LARGEST_SHARE, SHARE, add_components, hold_out
from inrr_jax.errors import DivergedError
from inrr_jax.operators.masking import Masking
from inrr_jax.problem import Problem

INTERVAL, QUANTILE = 0.9, 1.6449
"""The share of held-out errors that deviations are calibrated for, and the deviations of a normal distribution within
which this share lies."""

ENOUGH = 400
"""Held-out pixels that weights of a dozen recoveries need. Fewer follow the noise: see docs/quality.md."""

Mask = Bool[np.ndarray, "H W"]
Image = Float[np.ndarray, "H W C"]


class HeldOut(NamedTuple):
    """A hold-out problem: a picture in which some of the known pixels are hidden."""

    image: Image
    """Zero where not observed."""
    mask: Mask
    """True where observed in this problem."""
    held: Mask
    """True where held out."""


def choose(candidates: Sequence[Any], errors: Sequence[float]) -> Any:
    """Return the candidate with the smallest error, the first one of equals. NaN is the error of one that diverged.

    Raises:
        DivergedError: all errors are NaN.
    """
    if np.isnan(errors).all():
        raise DivergedError(f"none of the {len(errors)} candidates gives numbers on the held-out pixels")
    return candidates[int(np.nanargmin(errors))]


def error(
    recovered: Float[np.ndarray, "*grid C"], signal: Float[np.ndarray, "*grid C"], held: Bool[np.ndarray, "*grid"]
) -> float:
    """Return the mean squared error on the held-out entries, which lie in [0, 1]; NaN if a value is no number."""
    return float(np.mean(np.square(recovered[held].clip(0, 1) - signal[held], dtype=np.float64)))


def calibrate(errors: Float[np.ndarray, "*n"], deviations: Float[np.ndarray, "*#n"]) -> float:
    """Return the factor on deviations with which 90 % of the held-out errors lie within 1.645 deviations."""
    return float(np.quantile(np.abs(errors) / deviations, INTERVAL) / QUANTILE)


def restrict(problem: Problem, mask: Bool[np.ndarray, "*grid"]) -> Problem:
    """Return the problem with only the entries of `mask` observed, without its truth and its auxiliary arrays.

    Auxiliary arrays are removed because they may have been computed from the entries that are held out.
    """
    measurements = np.where(mask[..., None], problem.measurements, np.float32(0))
    return Problem(problem.domain, Masking(mask), measurements)


def hold_out_components(image: Image, mask: Mask, enough: int = ENOUGH) -> HeldOut:
    """Return a hold-out problem with as many mask-shaped components as fit, the same for every call.

    With few large holes, one copy of them would be too few independent observations to weight recoveries by.

    Args:
        image: its values at missing pixels are not used.
        mask: True where observed.
        enough: held-out pixels that are wanted: where 5 % of the observed ones are fewer, up to 20 % are held out.
    """
    share = min(max(SHARE, enough / max(1, int(mask.sum()))), LARGEST_SHARE)
    split = add_components(jax.random.key(1), hold_out(jax.random.key(0), mask, share))
    # Hidden values are zeroed, so that no candidate can use them by mistake.
    return HeldOut(np.where(split.training[..., None], image, np.float32(0)), split.training, split.held)
