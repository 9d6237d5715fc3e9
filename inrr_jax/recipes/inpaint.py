"""One call: a damaged picture in, a recovered one out."""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from inrr_jax import metrics
from inrr_jax.data import images, masks
from inrr_jax.data.problem import Problem, check_size
from inrr_jax.errors import UserError
from inrr_jax.settings import RECIPE, Settings
from inrr_jax.training import ensemble as ensembles
from inrr_jax.training import fit as training

Filled = Float[np.ndarray, "H W *C"]


def inpaint(
    image: ArrayLike, mask: ArrayLike, *, settings: Settings | None = None, ensemble: int = 1, return_std: bool = False
) -> Filled | tuple[Filled, Filled]:
    """Fill in the missing pixels of a picture by fitting a SIREN to the others, and to what its patches make of them.

    The arguments are those of scikit-image's `inpaint_biharmonic`, and so is the mask's meaning: here alone in this
    package, True marks MISSING pixels.

    Args:
        image: [H, W] or [H, W, C], 1, 3 or 4 channels (alpha is dropped); integers of 8 or 16 bits, or floats in
            [0, 1]. Missing pixels may hold anything, NaN included.
        mask: [H, W] of bool, True where MISSING.
        settings: of the fit, of which `data` and `mask` are not used; None for `inrr_jax.RECIPE`.
        ensemble: number of fits, with consecutive seeds, of which the mean is taken.
        return_std: also return the standard deviation of these fits, for which it takes at least two: where it is
            large, so, as a rule, is the error.

    Returns:
        Float32 in [0, 1], of the image's shape (less its alpha): missing pixels filled, observed ones as they were.
        With `return_std` a second array of that shape, zero where observed.

    Raises:
        UserError: a picture or mask as above it is not, or too small for the settings.
        DivergedError: a loss term was no number; the message names the step and the loss term.
    """
    settings = settings or RECIPE
    missing = np.asarray(mask)
    if missing.dtype != bool or missing.shape != np.shape(image)[:2]:
        raise UserError(
            f"the mask is {missing.dtype} of shape {missing.shape}: give bool of shape {np.shape(image)[:2]}, True"
            " where missing"
        )
    observed = masks.validate(~missing, missing.shape)
    problem = Problem(images.validate(_without_missing(np.asarray(image), missing)), observed)
    check_size(missing.shape, settings)
    if ensemble < 1 + return_std:
        raise UserError(f"ensemble={ensemble} is out of range: give at least {1 + return_std}")
    grey = np.ndim(image) == 2
    if ensemble == 1:
        return _finished(training.solve(problem.signal, settings), problem.image, observed, grey)
    members = ensembles.fit(problem, settings, ensemble)
    filled = _finished(members.mean(axis=0), problem.image, observed, grey)
    spread = _finished(ensembles.deviation(members), np.zeros_like(problem.image), observed, grey)
    return (filled, spread) if return_std else filled


def _finished(values, where_observed, observed: Bool[np.ndarray, "H W"], grey: bool) -> Filled:
    """Put back what is known, and drop the channel of a picture that came without."""
    pasted = np.asarray(metrics.paste(values, where_observed, observed))
    return pasted[..., 0] if grey else pasted


def _without_missing(image: np.ndarray, missing: Bool[np.ndarray, "H W"]) -> np.ndarray:
    """Zero what is missing, whatever stood there."""
    zeroed = image.copy()
    zeroed[missing] = 0
    return zeroed
