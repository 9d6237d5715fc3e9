"""Inpainting in one call: a damaged picture in, a recovered one out."""

from __future__ import annotations  # so that help() shows ArrayLike by its name

from collections.abc import Callable

import numpy as np
from absl import logging
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from inrr_jax import metrics
from inrr_jax.data import images, masks
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.problem import Problem
from inrr_jax.recipes import pipeline, stacking, tiles
from inrr_jax.recipes.shared import SharedRecipe
from inrr_jax.settings import RECIPE, Settings, check_settings
from inrr_jax.training import ensemble as ensembles
from inrr_jax.training import fit
from inrr_jax.types import Image

Filled = Float[np.ndarray, "H W *C"]
Alpha = Float[np.ndarray, "H W A"]


def inpaint(
    image: ArrayLike, mask: ArrayLike, *, settings: Settings | None = None, ensemble: int = 1, return_std: bool = False
) -> Filled | tuple[Filled, Filled]:
    """Recover the missing pixels of a picture from the observed ones.

    The default recipe refines fills on graphs of the picture's own patches by groups of similar patches, in tiles if
    the picture has more than 512 x 512 pixels. It fits no network, which gains 0.04 dB on average
    (docs/quality.md); an ensemble and given settings do. The arguments are those of scikit-image's
    `inpaint_biharmonic`, including the meaning of the mask: here, and only here in this package, True marks MISSING
    pixels.

    Args:
        image: [H, W] or [H, W, C] with 1, 3 or 4 channels (the fourth is alpha); integers of 8 or 16 bits, or floats
            in [0, 1]. Missing pixels may hold any value, NaN included.
        mask: [H, W] of bool, True where MISSING.
        settings: of a fit, whose `data` and `mask` are not used; None for the default recipe.
        ensemble: number of fits with consecutive seeds, whose mean is returned.
        return_std: whether to also return the standard deviation of these fits, which takes at least two. As a rule,
            the error is large where it is large.

    Returns:
        Float32 in [0, 1] of the image's shape: missing pixels recovered, observed ones and alpha unchanged. With
        `return_std` also an array of that shape, zero at observed pixels. The arrays are the caller's to change.

    Raises:
        UserError: the picture or mask is not as above, or too small for the settings.
        DivergedError: a loss term was no number; the message names the step and the term.
    """
    check_settings(settings)
    if type(ensemble) is not int or ensemble < 1 + return_std:
        reason = " with return_std" * return_std
        raise UserError(
            f"ensemble={ensemble!r} is out of range: give a whole number of at least {1 + return_std}{reason}"
        )
    image, mask = _array("picture", image), _array("mask", mask)
    colours, alpha = _split(image)
    problem, observed = _problem(colours, mask)
    grey, known = image.ndim == 2, np.asarray(problem.measurements)
    if ensemble == 1:
        return _pasted(recover(problem, settings), known, observed, grey, alpha)
    members = ensembles.fit(problem, settings or RECIPE, ensemble, SharedRecipe())
    filled = _pasted(members.mean(axis=0), known, observed, grey, alpha)
    deviation = _pasted(ensembles.deviation(members), 0 * known, observed, grey, 0 * alpha)
    return (filled, deviation) if return_std else filled


def recover(
    problem: Problem,
    settings: Settings | None = None,
    *,
    kept: tiles.Kept | None = None,
    fit_one: pipeline.Solve = fit.solve,
    log: pipeline.Log = logging.info,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Image:
    """Recover a masked picture as `inpaint` does: in tiles, by patch groups alone, or with a network.

    Args:
        problem: the picture and its mask.
        settings: of a fit; None for the default recipe, which fits no network.
        kept: finished tiles, as for `tiles.recover`.
        fit_one: runs a fit; replaced where fits are watched.
        log: takes a line before each stage that may take long.
        progress: takes the numbers of finished and of all missing pixels after every tile.

    Returns:
        Values at all pixels; observed ones need not be the observed values.

    Raises:
        UserError: the picture is too small for the settings, or too large for the memory.
        DivergedError: a loss term was no number.
    """
    known, observed = np.asarray(problem.measurements), np.asarray(problem.operator.mask)
    if settings is None and tiles.suits(observed):
        return tiles.recover(known, observed, kept, log, progress)
    if settings is None:
        log("fills on graphs of patches, weighted by held-out pixels and refined by patch groups ...")
        return stacking.grouped(known, observed)
    return pipeline.solve(problem, settings, fit_one=fit_one, log=log)


def unless_default(settings: Settings) -> Settings | None:
    """Return settings, or None if they are those of the default recipe, apart from the seed, the data and the mask."""
    return None if pipeline.seedless(settings) == pipeline.seedless(RECIPE) else settings


def _array(name: str, values: ArrayLike) -> np.ndarray:
    """Return values as an array, without a copy if they are one."""
    try:
        return np.asarray(values)
    except ValueError as error:  # lists of lists of different lengths
        raise UserError(f"the {name} is no array ({error}): give rows of equal lengths") from None


def _split(image: np.ndarray) -> tuple[np.ndarray, Alpha]:
    """Return the picture [H, W, C] without alpha, and alpha in [0, 1], with no channel if there is none."""
    pixels = images.with_channels(image)
    if pixels.shape[2] == 4:
        return pixels[..., :3], images.to_unit(pixels[..., 3:])
    return pixels, np.zeros((*pixels.shape[:2], 0), np.float32)


def _problem(image: np.ndarray, missing: np.ndarray) -> tuple[Problem, Bool[np.ndarray, "H W"]]:
    """Check the picture and the mask, and return the problem and the observed pixels."""
    if missing.dtype != bool or missing.shape != image.shape[:2]:
        raise UserError(
            f"the mask is {missing.dtype} of shape {missing.shape}: give bool of shape {image.shape[:2]}, True where"
            " missing"
        )
    observed = masks.validate(~missing, missing.shape, ("False", "True"))
    zeroed = np.array(image)  # a copy, because missing values are overwritten whatever they were
    zeroed[missing] = 0
    return masked(images.validate(zeroed), observed, truth=False), observed


def _pasted(values, known, observed: Bool[np.ndarray, "H W"], grey: bool, alpha: Alpha) -> Filled:
    """Put the observed values and alpha back, and drop the channel axis of a picture that had none."""
    pasted = np.concatenate([metrics.paste(values, known, observed), alpha], axis=-1)
    return pasted[..., 0] if grey else pasted
