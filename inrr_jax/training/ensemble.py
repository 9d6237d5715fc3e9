"""Several initialisations of one problem: their mean, where they disagree, and whether that tells the error."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.data.problem import Problem
from inrr_jax.errors import DivergedError
from inrr_jax.settings import Settings, change
from inrr_jax.training import sweep
from inrr_jax.training.sweep import Member

Picture = Float[np.ndarray, "H W C"]


class Calibration(NamedTuple):
    """Bins of missing entries, from those on which the members agree most; in each, two root mean squares."""

    deviation: Float[np.ndarray, "bins"]
    """Of the members around their mean: what is predicted."""
    error: Float[np.ndarray, "bins"]
    """Of the mean: what comes true."""
    correlation: float
    """Spearman's, of deviation and absolute error over all missing entries."""


def fit(task: Problem, settings: Settings, count: int) -> Float[np.ndarray, "S H W C"]:
    """Fit with the seeds settings.seed, settings.seed + 1, ..., and return the raw recoveries.

    Raises:
        DivergedError: one of them diverged.
    """
    members = [Member(change(settings, {"seed": settings.seed + i}), task) for i in range(count)]
    found = dict(sweep.run(members))
    for index in range(count):
        if found[index].error:
            raise DivergedError(f"seed {settings.seed + index}: {found[index].error}")
    return np.stack([found[index].recovered for index in range(count)])


def deviation(recovered: Float[np.ndarray, "S H W C"]) -> Picture:
    """Return the standard deviation over at least two members."""
    return recovered.std(axis=0, ddof=1)


def calibrate(
    recovered: Float[np.ndarray, "S H W C"], truth: Picture, mask: Bool[np.ndarray, "H W"], bins: int = 10
) -> Calibration:
    """Compare the members' deviation with the error of their mean, on the missing entries in bins of equal size.

    Args:
        recovered: of at least two members.
        truth: the whole picture.
        mask: True where observed.
        bins: never more than there are missing entries.
    """
    from scipy.stats import spearmanr

    predicted = deviation(recovered)[~mask].ravel()
    actual = np.abs(recovered.mean(axis=0) - truth)[~mask].ravel()
    parts = np.array_split(np.argsort(predicted), min(bins, predicted.size))
    rms = [[np.sqrt(np.mean(values[part] ** 2)) for part in parts] for values in (predicted, actual)]
    return Calibration(np.array(rms[0]), np.array(rms[1]), float(spearmanr(predicted, actual)[0]))
