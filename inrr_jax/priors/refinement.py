"""Refinements of a recovery: rounds of low-rank patch groups with feedback, and of Gaussian models of patch groups.

Both begin with the same recovery. Which rounds are best depends on the picture, so that held-out pixels should weight
them: self-similar pictures gain from every round, and random textures are best without any.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.priors import conditional, feedback
from inrr_jax.types import Image, Mask


class Rounds(NamedTuple):
    """The numbers of rounds after which there is a candidate, in ascending order. The start always is one."""

    feedback: tuple[int, ...]
    conditional: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates, in their order."""
        low_rank = (f"{number} low-rank rounds" for number in self.feedback)
        return "start", *low_rank, *(f"{number} Gaussian rounds" for number in self.conditional)

    def needed(self, weights: Float[np.ndarray, "K"]) -> "Rounds":
        """Return the rounds whose candidates have weights above zero."""
        split = 1 + len(self.feedback)
        parts = zip(self, (weights[1:split], weights[split:]), strict=True)
        return Rounds(*(tuple(itertools.compress(numbers, part > 0)) for numbers, part in parts))


RECIPE = Rounds((5, 10, 20), (6, 12))
"""Of the recipe, chosen on scikit-image's pictures (see docs/quality.md)."""
FEW = Rounds((5,), ())
"""For a recovery that is refined already."""


def candidates(image: Image, mask: Mask, start: Image, rounds: Rounds = RECIPE) -> Float[np.ndarray, "K H W C"]:
    """Return the start and its recoveries after the given numbers of rounds.

    The candidates of one kind take no longer than the last of them.

    Args:
        image: in [0, 1]; values at missing pixels are not used and may be NaN.
        mask: True at observed pixels.
        start: in [0, 1], equal to the image at observed pixels.
        rounds: which candidates.
    """
    # In a thread each, because the Gaussian models and the searches for groups run on one core.
    with ThreadPoolExecutor() as pool:
        low_rank, gaussian = pool.map(
            lambda kind, numbers: _after(kind.rounds(image, mask, start), numbers), (feedback, conditional), rounds
        )
    return np.stack([start, *low_rank, *gaussian]).astype(np.float32)


def combined(image: Image, mask: Mask, start: Image, weights: Float[np.ndarray, "K"], rounds: Rounds = RECIPE) -> Image:
    """Return the sum of the `candidates` with one weight each. Rounds that only zero weights need are left out."""
    used = np.append(True, weights[1:] > 0)  # the start always is a candidate
    return np.tensordot(weights[used], candidates(image, mask, start, rounds.needed(weights)), 1).astype(np.float32)


def _after(trajectory: Iterator[Image], numbers: tuple[int, ...]) -> list[Image]:
    """Return the recoveries after the given numbers of rounds, and take no further ones."""
    taken = itertools.islice(trajectory, max(numbers, default=0))
    return [estimate for number, estimate in enumerate(taken, start=1) if number in numbers]
