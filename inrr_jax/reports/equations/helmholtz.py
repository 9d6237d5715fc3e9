"""The report of a wave field of one frequency."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from inrr_jax.baselines import finite_differences
from inrr_jax.data.kinds.equations.helmholtz import source_density
from inrr_jax.problem import Problem
from inrr_jax.reports import base
from inrr_jax.reports.base import Recovery, Scores, Values, relative_error


class Report(base.Report):
    """The relative error against Green's function away from the source, and that of finite differences."""

    names: ClassVar = ("relative_error",)
    files: ClassVar = ("comparison.png",)

    def describe(self, problem: Problem) -> str:
        """Return the wavelengths along a side."""
        return f"{_keywords(problem)['wavenumber'] / np.pi:.1f} wavelengths"

    def score(self, values: Values, problem: Problem) -> Scores:
        """Return |u - G| / |G| over the nodes away from the source."""
        return {"relative_error": relative_error(values, problem.truth)}

    def references(self, problem: Problem) -> dict[str, Values]:
        """Return five-point differences on the same grid, with a perfectly matched layer."""
        keywords, points = _keywords(problem), np.asarray(problem.domain.points)
        size = problem.domain.shape[0]
        source = np.asarray(source_density(points, **keywords), complex).reshape(size, size)
        solved = finite_differences.solve_helmholtz(source, keywords["wavenumber"], 2 / (size - 1), size // 6)
        return {"finite differences": np.stack([solved.real, solved.imag], axis=-1).astype(np.float32)}

    def write(self, name: str, path: Path, recovery: Recovery) -> None:
        """Draw the real part of Green's function, of the field and of both errors."""
        from inrr_jax.plots import panels

        truth = np.asarray(recovery.problem.truth)[..., 0]
        shown, limit = {"Green's function, real part": truth}, {}
        others = {"network": recovery.values, **recovery.references}
        for title, values in others.items():
            shown[title] = values[..., 0]
            shown[f"{title}: error"] = values[..., 0] - truth
        top = float(np.nanmax(np.abs(truth)))
        limit = {title: top / 10 if title.endswith("error") else top for title in shown}
        panels.maps(path, shown, limit=limit, columns=5)


def _keywords(problem: Problem) -> dict[str, float]:
    return problem.operator.constraints[0].residual.keywords
