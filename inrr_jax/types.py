"""What travels between the modules.

Dimension glossary, used in every annotation: H, W grid; C channels; D dimensions of the grid; N points; n nodes of one
axis; F fibres; R rank of G; S fits in a sweep; P parameters.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from inrr_jax.settings import Settings

Row = dict[str, Any]
"""What is told of one fit: a line of a table."""
Params = dict[str, Any]
"""Parameter groups by top-level key: `field`, and one per term of the regulariser that learns (`inrr`, `air`), with
what it learns for each axis (`row`, `col`, `axis2`, ...)."""


class Signal(NamedTuple):
    """The observed part of a signal; what is missing is zero, so that nothing can peek at it."""

    values: Float[Array, "*grid C"]
    mask: Bool[Array, "*grid"]
    """True where observed."""
    context: Float[Array, "*grid C"] | None = None
    """The recovery of a first fit, for the fields that need one."""
    extension: Float[Array, "*grid C"] | None = None
    """The observed values, continued where nothing is observed, for the term `extension`."""


Lines = tuple[Float[Array, "_ _ C"], ...]
"""Fibres [F, n, C] of several kinds, mostly one set per axis."""
Scalar = Float[Array, ""] | float


class Knobs(NamedTuple):
    """What may vary inside one compiled program."""

    omega: Scalar
    weight: dict[str, Scalar]
    """By term of the regulariser."""
    matrix_rate: Scalar
    field_rate: Scalar
    laplacian_rate: Scalar


class State(NamedTuple):
    """What goes on from step to step."""

    params: Params
    optimizer: Any
    step: Int[Array, ""]


Info = dict[str, Float[Array | np.ndarray, "..."]]
"""Named loss terms, only looked at; with a leading axis of steps when they come from a chunk."""


def axis_names(dimensions: int) -> tuple[str, ...]:
    """Name the axes of a grid."""
    return ("row", "col", *(f"axis{i}" for i in range(2, dimensions)))[:dimensions]


OMEGA_PER_PIXEL = 15 / 256
"""Of the longest side; twice as much with the term `extension`, which holds what more detail would let loose."""


def knobs(settings: Settings, grid: tuple[int, ...]) -> Knobs:
    """Collect the settings that are knobs, for a signal on the given grid."""
    optimizer, regularizer = settings.optimizer, settings.regularizer
    detail = 2 if "extension" in regularizer.terms else 1
    return Knobs(
        omega=settings.field.omega or detail * OMEGA_PER_PIXEL * max(grid),
        weight={term: getattr(regularizer.weight, term) for term in regularizer.terms},
        matrix_rate=optimizer.matrix_rate,
        field_rate=optimizer.field_rate,
        laplacian_rate=optimizer.laplacian_rate,
    )
