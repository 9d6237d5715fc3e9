"""Classical methods for problems that are measured through an operator, by the type of the operator.

A method is a function `problem -> values [*grid, C]`. To add one, write the function and name it in `METHODS`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.inverse import ct, deep_prior, pictures, tv
from inrr_jax.operators.imaging.convolution import Convolution
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.rays import LineIntegrals
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.problem import Problem

Recover = Callable[[Problem], Float[np.ndarray, "*grid C"]]

GENERAL: dict[str, Recover] = {
    "tv": tv.tv,
    "tikhonov": tv.tikhonov,
    "deep_image_prior": deep_prior.deep_image_prior,
}
"""Methods for every operator."""
METHODS: Mapping[type, dict[str, Recover]] = {
    Direct: {
        "noisy": pictures.noisy,
        "nonlocal_means": pictures.nonlocal_means,
        "wavelets": pictures.wavelets,
        "bm3d": pictures.bm3d,
    },
    AreaAverage: {"bicubic": pictures.bicubic, "lanczos": pictures.lanczos},
    Convolution: {
        "blurred": pictures.noisy,
        "wiener": pictures.wiener,
        "richardson_lucy": pictures.richardson_lucy,
    },
}
"""Methods of an operator by name, from simple to strong."""
OPTIONAL = ("wavelets", "bm3d", "deep_image_prior")
"""Methods that need a package which may not be installed, or that take long: reports do not run them."""


def methods_of(problem: Problem) -> Mapping[str, Recover]:
    """Return the methods that suit a problem by name."""
    if isinstance(problem.operator, LineIntegrals):
        return ct.methods(problem)
    return {**METHODS.get(type(problem.operator), {}), **GENERAL}
