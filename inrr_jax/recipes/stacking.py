"""Stacking: a convex combination of several fills, with weights chosen by held-out pixels.

No fill is best everywhere: fills on graphs of patches suit repetitive textures, and the harmonic fill is safest where
the texture is random. So every fill also recovers the picture without some of its observed pixels, and the errors there
determine one weight per fill for the whole picture. The true values of the missing pixels are not used.
"""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.holdout import blocks, components
from inrr_jax.baselines.patch_fill import CHAIN, chain, first_estimate, is_deep
from inrr_jax.operators.masking import paste
from inrr_jax.priors import refinement
from inrr_jax.recipes import holdout
from inrr_jax.recipes.holdout import HeldOut
from inrr_jax.types import Fill, Image, Mask

BLOCK_PRIOR = 20
"""Held-out pixels with the picture's average error that are added to every block, so that blocks with few held-out
pixels have a stable unit of error. Chosen on scikit-image's pictures."""

ROUNDING = 1 / 12 / 255**2
"""Mean squared error of rounding to 8 bits, in squared grey values: no fill can be expected to err less."""


class HiddenFills(NamedTuple):
    """Recoveries of the hold-out problem, which determine weights."""

    problem: HeldOut
    fills: Float[np.ndarray, "K H W C"]
    """As `fill_all` returns them."""
    refined: Float[np.ndarray, "R H W C"]
    """The stacked fill and its refinements, as `refinement.candidates` returns them."""
    guide: Image


class Stack(NamedTuple):
    """The stacked fill of a picture, and what it was computed from."""

    weights: Float[np.ndarray, "K"]
    """Of the fills, with sum 1."""
    names: tuple[str, ...]
    """Of the fills."""
    stacked: Image
    """The weighted sum of the fills."""
    rounds: Float[np.ndarray, "R"]
    """Weights of the candidates of the refinement, with sum 1."""
    guide: Image
    """The weighted sum of the stacked fill and its refinements by patch groups."""
    hidden: HiddenFills | None
    """None if fewer than two pixels are observed."""


def build(image: Image, mask: Mask, enough: int = holdout.ENOUGH) -> Stack:
    """Fill a picture, weight the fills by held-out pixels, add them up and refine the sum.

    Args:
        image: values in [0, 1]; those at missing pixels are not used.
        mask: True where observed.
        enough: held-out pixels that are wanted, as for `holdout.hold_out_components`.
    """
    # Whatever the picture holds at missing pixels cannot reach a fill.
    image = np.where(mask[..., None], image, 0).astype(np.float32)
    begin = starts(mask)
    with ThreadPoolExecutor() as pool:
        filling = pool.submit(fill_all, image, mask, begin)
        weights, problem, fills = _weigh(image, mask, begin, enough)
        if problem is None:
            start, rounds = combine(image, mask, weights, filling.result()), np.eye(len(refinement.RECIPE.names))[0]
            return Stack(weights, names(begin), start, rounds, start, None)
        known, seen, held = problem
        refined = refinement.candidates(known, seen, combine(known, seen, weights, fills))
    rounds, start = error_weights(refined, image, held), combine(image, mask, weights, filling.result())
    hidden = HiddenFills(problem, fills, refined, combine(known, seen, rounds, refined))
    return Stack(weights, names(begin), start, rounds, refinement.combined(image, mask, start, rounds), hidden)


def stacked(image: Image, mask: Mask) -> Image:
    """Return the stacked fill alone, without refinement; the contract is that of `baselines`."""
    image, begin = np.where(mask[..., None], image, 0).astype(np.float32), starts(mask)
    return combine(image, mask, _weigh(image, mask, begin, holdout.ENOUGH)[0], fill_all(image, mask, begin))


def grouped(image: Image, mask: Mask) -> Image:
    """Return the stacked fill after its refinement by patch groups; the contract is that of `baselines`."""
    return build(image, mask).guide


def starts(mask: Mask) -> tuple[Fill, ...]:
    """Return what the chains of fills begin with: the first estimate, and the harmonic fill if that is another.

    No start is better in every hole, and held-out pixels say little about large ones: the sum of both is safer.
    """
    return (harmonic, first_estimate) if is_deep(mask) else (first_estimate,)


def names(starts: Sequence[Fill]) -> tuple[str, ...]:
    """Return the names of the fills that `fill_all` returns."""
    chains = (CHAIN if start is first_estimate else [f"{n} from {start.__name__}" for n in CHAIN] for start in starts)
    return "harmonic", *itertools.chain(*chains)


def fill_all(image: Image, mask: Mask, starts: Sequence[Fill]) -> Float[np.ndarray, "K H W C"]:
    """Return the harmonic fill, and those on graphs of patches, which are a chain for each of the starts.

    Args:
        image: in [0, 1]; values at missing pixels are not used.
        mask: True where observed; at least one pixel is.
        starts: what the chains begin with.
    """
    chains = (chain(image, mask, start(image, mask)) for start in starts)
    return np.stack([harmonic(image, mask), *itertools.chain(*chains)])


def _weigh(image: Image, mask: Mask, starts: Sequence[Fill], enough: int):
    """Return the weights of the fills, the hold-out problem, and the fills of that."""
    if mask.sum() < 2:
        return np.full(len(names(starts)), 1 / len(names(starts))), None, None
    held_out = holdout.hold_out_components(image, mask, enough)
    fills = fill_all(held_out.image, held_out.mask, starts)
    return error_weights(fills, image, held_out.held), held_out, fills


def combine(image: Image, mask: Mask, weights: Float[np.ndarray, "K"], fills: Float[np.ndarray, "K H W C"]) -> Image:
    """Return the weighted sum of fills where nothing is observed, and the picture elsewhere."""
    return paste(np.tensordot(weights, fills, 1), image, mask).astype(np.float32)


def error_weights(recovered: Float[np.ndarray, "K H W C"], image: Image, held: Mask) -> Float[np.ndarray, "K"]:
    """Return the weights of `minimal_error_weights` for the `relative_errors` of K recoveries on held-out pixels."""
    return minimal_error_weights(*relative_errors(recovered, image, held))


def relative_errors(
    recovered: Float[np.ndarray, "K H W C"], image: Image, held: Mask
) -> tuple[Float[np.ndarray, "N K"], int]:
    """Return the relative errors of K recoveries on held-out pixels, and the number of components of these.

    Errors are divided by the root of the smallest mean squared error of any recovery in the same block of the picture.
    Without this, one region in which all recoveries fail would decide for the whole picture.

    Args:
        recovered: recoveries of the picture without the held-out pixels.
        image: the picture; only its held-out pixels are used.
        held: True where held out.
    """
    errors = (recovered - image)[:, held].astype(np.float64)
    squares, block = np.square(errors).mean(-1), blocks(held)
    summed = np.stack([np.bincount(block, each) for each in squares]).min(axis=0)
    unit = (summed + BLOCK_PRIOR * squares.mean(axis=1).min()) / (np.bincount(block) + BLOCK_PRIOR)
    relative = errors / np.sqrt(unit + ROUNDING)[block, None]
    return relative.reshape(len(recovered), -1).T, components(held)[1]


def minimal_error_weights(errors: Float[np.ndarray, "N K"], components: int) -> Float[np.ndarray, "K"]:
    r"""Return the convex combination of K recoveries that errs least, regularised towards independent errors.

    w = argmin |E w|² / N + min_k e_k / m |w - v|²  over  w >= 0, sum w = 1

    (stacking: Breiman, Machine Learning 1996), where e_k is the mean squared error of recovery k and v_k ~ 1 / e_k with
    sum 1 are the best weights if the errors are independent (Bates and Granger, Operational Research Quarterly 1969).

    Args:
        errors: E, the errors of every recovery at the same N held-out values.
        components: m, the number of connected components of the held-out pixels, at least 1. Errors within one
            component are correlated, so each component counts as one observation.
    """
    from scipy.optimize import nnls

    count = errors.shape[1]
    gram = errors.T.astype(np.float64) @ errors / len(errors)
    each = np.maximum(np.diag(gram), 1e-12)
    scale, independent = each.min(), 1 / each / (1 / each).sum()
    ridge = np.sqrt(scale / components)
    # A multiple of the identity, far below the errors, keeps the factorisation defined for equal recoveries.
    root = np.linalg.cholesky(gram + 1e-9 * scale * np.eye(count)).T
    # The last row enforces the sum of one by a penalty far above all other rows.
    rows = np.vstack([root, ridge * np.eye(count), np.full((1, count), 1e3 * np.sqrt(each.max() + scale))])
    found, _ = nnls(rows, np.concatenate([np.zeros(count), ridge * independent, rows[-1, :1]]))
    return found / found.sum()
