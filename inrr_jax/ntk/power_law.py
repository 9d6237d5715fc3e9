"""Fits power laws to measurements: how a quantity scales with another one."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class PowerLaw(NamedTuple):
    """The exponent of a power law y = c x^exponent and the ends of its 95 % confidence interval."""

    exponent: float
    low: float
    high: float


def power_law(x: Float[np.ndarray, "N"], y: Float[np.ndarray, "N"]) -> PowerLaw:
    """Estimate the exponent of a power law by linear least squares of log y on log x.

    The confidence interval assumes that the errors of log y are independent and normally distributed with equal
    variance.

    Args:
        x: N >= 3 positive values, at least two of them different.
        y: N positive values.
    """
    from scipy import stats  # slow to import, and used here alone

    line = stats.linregress(np.log(x), np.log(y))
    # Two degrees of freedom are used by the slope and the intercept.
    half = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    return PowerLaw(float(line.slope), float(line.slope - half), float(line.slope + half))
