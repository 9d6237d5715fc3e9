"""What all reports share: the scores of a recovery, the methods to compare it with, and the files that show it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.problem import Problem
from inrr_jax.types import Row

Values = Float[np.ndarray, "*grid C"]
Scores = dict[str, float | None]


class Recovery(NamedTuple):
    """The result of a run."""

    problem: Problem
    values: Values
    """On the domain's grid, after the correction if there is one."""
    field: Any
    """The fitted field, a `FittedField`."""
    laplacians: Mapping[str, Mapping[str, np.ndarray]]
    """Learned Laplacians by the name of their term and then of their axis; may be empty."""
    rows: list[Row]
    """The metrics of the fit, one row per evaluated step."""
    references: Mapping[str, Values] = {}
    """The recoveries of other methods by name, as `Report.references` returns them."""


class Report:
    """Base class of all reports."""

    names: ClassVar[tuple[str, ...]]
    """The scores in the table that a run prints, in the order of its columns."""
    files: ClassVar[tuple[str, ...]]
    """The files that `write` can write."""

    def written(self, problem: Problem) -> tuple[str, ...]:
        """Return those that a run of a problem writes."""
        return self.files

    def describe(self, problem: Problem) -> str:
        """Return what was measured in a few words, for logs."""
        raise NotImplementedError

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return the scores of a recovery by name; None for those that need a truth which is not known."""
        raise NotImplementedError

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return the recoveries of what a user would otherwise use, by name; they take at most seconds."""
        raise NotImplementedError

    def details(self, recovery: Recovery) -> dict[str, Any]:
        """Return further figures that need the field itself, for result.json."""
        return {}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Write one of `files`."""
        raise NotImplementedError


def relative_error(values: Values, truth: Values) -> float:
    """Return |values - truth| / |truth| in the Euclidean norm over the entries where the truth is finite."""
    known = np.isfinite(truth)
    difference = np.where(known, values - truth, 0)
    return float(np.linalg.norm(difference) / np.linalg.norm(np.where(known, truth, 0)))
