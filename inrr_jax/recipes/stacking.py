"""Several continuations of the observed values, added up in the proportion in which they prove right.

No way of continuing is best everywhere: patches repeat in a weave and not in a lawn, where the harmonic fill is safest.
So each is made once more without some of the observed pixels, as `selection.hold_out` takes them away, and those decide
the proportion. It is one for the whole picture; the missing pixels' truth has no part in it. Of the sum, what groups of
patches share is kept (groups.py).
"""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from inrr_jax.baselines import fills as baselines
from inrr_jax.baselines.contract import Fill, Image, Mask
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.wnll import minimize_wnll, wnll_affinity
from inrr_jax.data.problem import Problem
from inrr_jax.priors import low_rank, patch_graph
from inrr_jax.recipes import holdout

NAMES = ("harmonic", "wnll", "locally_linear", "locally_linear_fine")
KEPT = 32
"""Pictures whose results are kept, as many fits share one."""

USUAL = 20
"""Held-out pixels that a block has beside its own, with the errors of the whole picture."""

ROUNDING = 1 / 12 / 255**2
"""Mean squared error of rounding to 8 bits, squared grey value."""


def kept(solve: Callable, pictures: int = KEPT) -> Callable:
    """Keep the last results of a function of a picture's observed part, by its contents, and of hashable arguments."""

    @functools.lru_cache(maxsize=pictures)
    def by_contents(image: bytes, shape: tuple[int, ...], mask: bytes, *others):
        values = np.frombuffer(image, np.float32).reshape(shape)
        result = solve(values, np.frombuffer(mask, bool).reshape(shape[:2]), *others)
        result.setflags(write=False)
        return result

    @functools.wraps(solve)
    def looked_up(image: Image, mask: Mask, *others):
        observed = np.where(mask[..., None], image, 0).astype(np.float32)
        return by_contents(observed.tobytes(), observed.shape, mask.tobytes(), *others)

    return looked_up


@kept
def proportion(image: Image, mask: Mask) -> Float[np.ndarray, "K"]:
    """Weigh the candidates by held-out pixels: the shares of `combine` for their errors there.

    Args:
        image: in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.

    Returns:
        A share for each of `NAMES`; equal ones if fewer than two pixels are observed.
    """
    if mask.sum() < 2:
        return np.full(len(NAMES), 1 / len(NAMES))
    test = blind(image, mask)
    return shares(_candidates(test.problem.image, test.problem.mask), image, test.held)


class Blind(NamedTuple):
    """A picture of which less is observed than is known."""

    problem: Problem
    held: Mask
    """True where it is known all the same."""


def blind(image: Image, mask: Mask) -> Blind:
    """Hold out observed pixels, always the same ones of a picture: of large holes, as many copies as there is room for.

    One copy of two holes is no more than two witnesses.
    """
    split = holdout.more_copies(jax.random.key(1), holdout.hold_out(jax.random.key(0), mask))
    return Blind(holdout.restrict(Problem(image, mask), split.training), split.held)


def shares(recovered: Float[np.ndarray, "K H W C"], image: Image, held: Mask) -> Float[np.ndarray, "K"]:
    """Weigh candidates by their errors on held-out pixels, relative to those around; see `combine`.

    Relative: or the one place where all candidates fail decides for the whole picture. The unit of a block of the
    picture is the least mean squared error there, as though `USUAL` more pixels had erred as all do.
    """
    errors = (recovered - image)[:, held].astype(np.float64)
    squares, blocks = np.square(errors).mean(-1), holdout.blocks(held)
    summed = np.stack([np.bincount(blocks, each) for each in squares]).min(axis=0)
    unit = (summed + USUAL * squares.mean(axis=1).min()) / (np.bincount(blocks) + USUAL)
    relative = errors / np.sqrt(unit + ROUNDING)[blocks, None]
    return combine(relative.reshape(len(recovered), -1).T, holdout.pieces(held)[1])


def combine(errors: Float[np.ndarray, "N K"], pieces: int) -> Float[np.ndarray, "K"]:
    r"""Return the shares w of K candidates whose sum errs least, as far as there are pieces to tell.

    ``argmin |E w|^2 / N + min_k e_k / pieces |w - v|^2`` over ``w >= 0, sum w = 1`` (stacking: Breiman, Machine
    Learning 1996), e_k the mean squared error of candidate k, and ``v_k ~ 1 / e_k`` with sum 1 the best shares of
    candidates that err independently (Bates and Granger, Operational Research Quarterly 1969).

    Args:
        errors: E, of every candidate at the same N held-out values.
        pieces: in how many connected pieces these lie, >= 1.
    """
    from scipy.optimize import nnls

    count = errors.shape[1]
    gram = errors.T.astype(np.float64) @ errors / len(errors)
    each = np.maximum(np.diag(gram), 1e-12)
    scale, independent = each.min(), 1 / each / (1 / each).sum()
    ridge = np.sqrt(scale / pieces)
    root = np.linalg.cholesky(gram + 1e-9 * scale * np.eye(count)).T
    # The last row holds the sum to one, by a weight beside which the others are nothing.
    rows = np.vstack([root, ridge * np.eye(count), np.full((1, count), 1e3 * np.sqrt(each.max() + scale))])
    found, _ = nnls(rows, np.concatenate([np.zeros(count), ridge * independent, rows[-1, :1]]))
    return found / found.sum()


def stack(image: Image, mask: Mask, shares: Float[np.ndarray, "K"]) -> Image:
    """Fill with the sum of the candidates in a proportion.

    Args:
        image: in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.
        shares: one for each of `NAMES`, with sum 1.

    Returns:
        Values in [0, 1], those of `image` where observed.
    """
    return np.where(mask[..., None], image, np.tensordot(shares, _candidates(image, mask), 1)).astype(np.float32)


@kept
def stacked(image: Image, mask: Mask) -> Image:
    """Fill with the sum of the candidates in their proportion; the contract is that of baselines.py."""
    return stack(image, mask, proportion(image, mask))


@kept
def grouped(image: Image, mask: Mask) -> Image:
    """Fill with what the groups of patches of `stacked` share; the contract is that of baselines.py."""
    return low_rank.denoise(image, mask, stacked(image, mask))


@functools.partial(kept, pictures=2)  # the one with fewer observed pixels is asked for twice
def _candidates(image: Image, mask: Mask) -> Float[np.ndarray, "K H W C"]:
    """Fill by each of `NAMES`, side by side: most of their time passes outside of Python."""
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(lambda name: baselines.FILLS[name](image, mask), NAMES)))


FILLS: dict[str, Fill] = {**baselines.FILLS, "stacked": stacked, "grouped": grouped}
"""All fills by name."""


def misfit_fill(estimate: Image, shares: Float[np.ndarray, "K"]) -> Fill:
    """Return the sum of the candidates as one fill that commutes with affine maps of the values.

    Those that have a graph of patches take it from the estimate, and not from what they fill; without a share they are
    not run.

    Args:
        estimate: the picture, everywhere.
        shares: as `proportion` returns them.
    """

    def wnll(image, mask):
        values = image.reshape(-1, image.shape[-1]).astype(np.float64)
        return minimize_wnll(wnll_affinity(estimate), values, mask.ravel()).reshape(image.shape)

    def locally_linear(sigma, image, mask):
        return patch_graph.interpolate(patch_graph.laplacian(estimate, sigma), image, mask, image)

    both = (functools.partial(locally_linear, sigma) for sigma in (patch_graph.SIGMA, patch_graph.FINE_SIGMA))
    fills: tuple[Fill, ...] = (harmonic, wnll, *both)

    def fill(image: Image, mask: Mask) -> Image:
        parts = [share * one(image, mask) for share, one in zip(shares, fills, strict=True) if share]
        return sum(parts).astype(np.float32)

    return fill
