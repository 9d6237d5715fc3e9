"""Differential equations in one call: residuals in, a fitted field out."""

from __future__ import annotations  # so that help() shows ArrayLike by its name

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inrr_jax.errors import UserError
from inrr_jax.operators import residuals
from inrr_jax.operators.residuals import Constraint, Residual, Residuals
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings, check_settings
from inrr_jax.training import fit
from inrr_jax.training.fitted import FittedField, Frame

EQUATION = replace(
    Settings(),
    regularizer=RegularizerSettings(name="none"),
    # Longer means than for pictures: derivatives amplify the noise of the drawn points, and with the default of
    # `Settings` the error of configs/helmholtz.py is 2.7 % instead of 0.5 %.
    optimizer=OptimizerSettings(matrix_rate=0.04, momentum=0.95, square_decay=0.999),
    train=TrainSettings(steps=600, fibers=0, measurements=2048),
)
"""The settings of `solve` by default: a SIREN without regulariser, and 2048 points of each constraint per step."""


def solve(
    residual: Residual | Constraint | Sequence[Any], domain: Domain, *, settings: Settings | None = None
) -> FittedField:
    """Fit a field to residuals of its values and derivatives: an equation, with its boundary values and data.

    The loss is the sum over constraints of weight x mean |residual|². A residual is any function of the field and of
    points [N, D]: it calls the field, and its `gradient` [N, C, D], `divergence` [N], `laplacian` [N, C],
    `derivatives` or `hessian_vector`. Poisson's equation with zero boundary values, for example:

        def inside(field, points):
            return field.laplacian(points)[:, 0] - source(points)

        def boundary(field, points):
            return field(points)

        field = inrr_jax.solve([Constraint(inside), Constraint(boundary, points=border, weight=100.0)], domain)

    Args:
        residual: a function, which should vanish on the whole domain; a constraint with its own points, data and
            weight; or a sequence of these.
        domain: its longest axis spans [-1, 1], which are also the coordinates of the points; with bounds=None the
            field's values are unbounded.
        settings: of the fit; its `data`, `mask` and `correction` are not used. None for `EQUATION`.

    Returns:
        The fitted field, in the domain's coordinates.

    Raises:
        UserError: a residual, its points or its data have a wrong shape, points lie outside of the domain, or the
            settings do not suit it.
        DivergedError: a loss term was no number.
    """
    check_settings(settings)
    if not isinstance(domain, Domain):
        raise UserError(f"domain={domain!r} is no domain: give inrr_jax.Domain(shape, channels)")
    settings = EQUATION if settings is None else settings
    constraints = _constraints(residual)
    residuals.check(constraints, domain)
    problem = Problem(domain, Residuals(constraints), ())
    state, _ = fit.run(problem, settings)
    return FittedField.of(state.params, problem, settings, coordinates(domain))


def coordinates(domain: Domain) -> Frame:
    """Return the frame in which positions are the domain's own coordinates."""
    axes = [axis.tolist() for axis in domain.axes]
    steps = tuple((axis[-1] - axis[0]) / max(len(axis) - 1, 1) or 1.0 for axis in axes)
    return Frame(tuple(axis[0] for axis in axes), steps)


def _constraints(residual: Any) -> tuple[Constraint, ...]:
    given = tuple(residual) if isinstance(residual, Sequence) else (residual,)
    found = tuple(Constraint(one) if callable(one) else one for one in given)
    if not found or not all(isinstance(one, Constraint) for one in found):
        raise UserError(f"residual={residual!r} is no residual: give a function, a Constraint or a list of them")
    return found
