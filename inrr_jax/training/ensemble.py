"""Ensembles: fits of one problem from several initialisations, their deviation, and its calibration."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.errors import DivergedError, UserError
from inrr_jax.options import MAX_SEED, change
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import sweep
from inrr_jax.training.sweep import Member, Recipe

Picture = Float[np.ndarray, "H W C"]
MAX_MEMBERS = 10_000


class Calibration(NamedTuple):
    """Bins of missing entries, ordered by the members' deviation, and two root mean squares in each bin."""

    deviation: Float[np.ndarray, "bins"]
    """Predicted error: of the members around their mean."""
    error: Float[np.ndarray, "bins"]
    """Actual error: of the mean."""
    correlation: float
    """Spearman's rank correlation of deviation and absolute error over all missing entries."""


def fit(problem: Problem, settings: Settings, count: int, recipe: Recipe | None = None) -> Float[np.ndarray, "S H W C"]:
    """Fit with the seeds settings.seed, settings.seed + 1, ..., and return the recoveries.

    Raises:
        UserError: there are too many, or a seed is too large.
        DivergedError: a member diverged; the message names its seed.
    """
    if count > MAX_MEMBERS or settings.seed + count - 1 > MAX_SEED:
        raise UserError(
            f"{count} fits from seed {settings.seed} on: give at most {MAX_MEMBERS}, with seeds up to {MAX_SEED}"
        )
    members = [Member(change(settings, {"seed": settings.seed + i}), problem) for i in range(count)]
    found = dict(sweep.run(members, recipe=recipe))
    for index in range(count):
        if found[index].error:
            raise DivergedError(f"seed {settings.seed + index}: {found[index].error}")
    return np.stack([found[index].recovered for index in range(count)])


def deviation(recovered: Float[np.ndarray, "S H W C"] | Sequence[Picture]) -> Picture:
    """Return the standard deviation over at least two members."""
    return np.asarray(recovered).std(axis=0, ddof=1)


def calibrate(
    recovered: Float[np.ndarray, "S H W C"], truth: Picture, mask: Bool[np.ndarray, "H W"], bins: int = 10
) -> Calibration:
    """Compare the members' deviation with the error of their mean, in bins of equally many missing entries.

    Args:
        recovered: recoveries of at least two members.
        truth: the whole signal.
        mask: True where observed.
        bins: number of bins, at most the number of missing entries.
    """
    from scipy.stats import spearmanr  # scipy.stats takes half a second to import

    predicted = deviation(recovered)[~mask].ravel()
    actual = np.abs(recovered.mean(axis=0) - truth)[~mask].ravel()
    parts = np.array_split(np.argsort(predicted), min(bins, predicted.size))
    rms = [[np.sqrt(np.mean(values[part] ** 2)) for part in parts] for values in (predicted, actual)]
    return Calibration(np.array(rms[0]), np.array(rms[1]), float(spearmanr(predicted, actual)[0]))
