"""What a comparison does differently for pictures and for arrays: fills, hold-out, scores, and what figures show."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import Bool, Float

from inrr_jax import metrics
from inrr_jax.baselines.holdout import Split, hold_out, hold_out_fifth
from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.errors import UserError
from inrr_jax.grids import main_slice
from inrr_jax.problem import Problem
from inrr_jax.recipes.fills import FILLS
from inrr_jax.recipes.pipeline import picture

Values = Float[np.ndarray, "*grid C"]
Scores = Mapping[str, float | None]


class Kind:
    """Base class of the kinds."""

    fills: ClassVar[Collection[str]]
    """Names of the methods that fit nothing."""
    corrections: ClassVar[tuple[str, ...]]
    """Corrections that may follow a fit."""
    scores: ClassVar[tuple[str, ...]]
    """Those in the rows of the results, a selection of what `score` returns."""

    def data(self, path: str, crop: str) -> dict[str, Any]:
        """Return the settings of the data with this name or path and crop.

        Raises:
            UserError: the kind has no crop.
        """
        raise NotImplementedError

    def refusal(self, name: str, problem: Problem) -> str:
        """Return why one of the `fills` is not meant for a problem; empty: it is."""
        return ""

    def fill(self, name: str, problem: Problem) -> Values:
        """Return the recovery of one of the `fills`."""
        raise NotImplementedError

    def split(self, problem: Problem, seed: int, share: float) -> Split:
        """Hold out observed entries, to choose settings by the errors there.

        Args:
            problem: a masked signal.
            seed: determines the entries, if they are drawn.
            share: of the observed entries that are held out, if the kind does not decide it.
        """
        raise NotImplementedError

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores of a recovery by name; None for those that need a truth which is not known."""
        raise NotImplementedError

    def shown(self, values: Values | Bool[np.ndarray, "*grid"], problem: Problem) -> np.ndarray:
        """Return what figures show of an array on the problem's grid: two axes, and channels if it has them."""
        raise NotImplementedError


class Pictures(Kind):
    """Pictures: the fills of recipes/fills.py, and a random hold-out of pixels or of a copy of the holes."""

    fills: ClassVar = FILLS
    corrections: ClassVar = ("harmonic", "biharmonic", "stacked")
    scores: ClassVar = ("psnr_missing", "psnr_pasted", "psnr_all", "nmae_missing", "ssim_pasted")

    def data(self, path: str, crop: str) -> dict[str, Any]:
        """Return the setting of a picture."""
        if crop:
            raise UserError(f"{path}[{crop}]: a picture has no crop; set fit.data.size, or fit.data.name=array")
        return {"data.image": path}

    def fill(self, name: str, problem: Problem) -> Values:
        """Return the recovery of a fill."""
        return FILLS[name].fill(*picture(problem, f"method {name}"))

    def split(self, problem: Problem, seed: int, share: float) -> Split:
        """Hold out a share of the observed pixels."""
        return hold_out(jax.random.key(seed), problem.operator.mask, share)

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores of all published tables."""
        return metrics.score(values, problem)

    def shown(self, values: Values | Bool[np.ndarray, "*grid"], problem: Problem) -> np.ndarray:
        """Return the whole picture."""
        return values


class Arrays(Kind):
    """Arrays with any number of axes: the completions of baselines/tensors, and a hold-out in the shape of the gaps."""

    fills: ClassVar = TENSORS
    corrections: ClassVar = ("blended",)
    scores: ClassVar = metrics.ARRAY_NAMES

    def data(self, path: str, crop: str) -> dict[str, Any]:
        """Return the settings of an array."""
        return {"data.source": path, "data.crop": crop}

    def refusal(self, name: str, problem: Problem) -> str:
        """Return why a completion is not meant for such an array or mask; empty: it is."""
        entry, domain = TENSORS[name], problem.domain
        if entry.suits(np.asarray(problem.operator.mask), domain.channels):
            return ""
        which = f", and a mask that changes along {entry.changing} of them alone" if entry.changing else ""
        return f"method {name} on a grid of shape {domain.shape}: it needs {entry.axes} axes or more{which}"

    def fill(self, name: str, problem: Problem) -> Values:
        """Return the recovery of a completion that is meant for such an array and mask."""
        mask = np.asarray(problem.operator.mask)
        return TENSORS[name].complete(np.asarray(problem.measurements), mask, problem.domain.spacing)

    def split(self, problem: Problem, seed: int, share: float) -> Split:
        """Hold out a fifth of the observed entries, the same for every call."""
        return hold_out_fifth(np.asarray(problem.operator.mask))

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the errors on the missing entries, also in the data's own units."""
        return metrics.score_array(values, problem)

    def shown(self, values: Values | Bool[np.ndarray, "*grid"], problem: Problem) -> np.ndarray:
        """Return a slice; one channel, unless there are three."""
        view = values[main_slice(np.asarray(problem.operator.mask))]
        view = view[None] if len(problem.domain.shape) == 1 else view
        return view if view.dtype == bool or view.shape[-1] in (1, 3) else view[..., :1]


KINDS: dict[str, Kind] = {"picture": Pictures(), "array": Arrays()}
"""By the name of the kind of data."""


def kind_of(name: str) -> Kind:
    """Return what a comparison does for a kind of data.

    Raises:
        UserError: there is no comparison of such data.
    """
    if name not in KINDS:
        raise UserError(f"fit.data.name={name} cannot be compared: give {' or '.join(KINDS)}")
    return KINDS[name]
