"""Types that several modules share.

Dimension glossary, used in every annotation: H, W grid; C channels; D dimensions of the grid; N points; n nodes of one
axis; F fibers; R rank of G; S fits in a sweep; P parameters.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int

Image = Float[np.ndarray, "H W C"]
Mask = Bool[np.ndarray, "H W"]
"""True where observed."""
Fill = Callable[[Image, Mask], Image]
"""Recovers the missing pixels of a picture; baselines/contract.py states what every fill promises."""

Row = dict[str, Any]
"""One row of a results table, by column."""
Params = dict[str, Any]
"""Parameter groups by top-level key: `field`, and one per regularisation term that learns (`inrr`, `air`), which holds
its parameters by axis (`row`, `col`, `axis2`, ...)."""
Lines = tuple[Float[Array, "_ _ C"], ...]
"""Values [F, n, C] on several sets of fibers, usually one set per axis."""
Scalar = Float[Array, ""] | float


class HyperParameters(NamedTuple):
    """Numbers that may vary between fits that share one compiled program, by the names of their options."""

    field: dict[str, Scalar]
    weight: dict[str, Scalar]
    """By regularisation term."""
    optimizer: dict[str, Scalar]
    axes: tuple[Scalar, ...] = ()
    """Factor on the energies of each axis; empty for 1 on all axes."""


class State(NamedTuple):
    """What a training step maps to its successor."""

    params: Params
    optimizer: Any
    step: Int[Array, ""]


Info = dict[str, Float[Array | np.ndarray, "..."]]
"""Loss terms by name, for logs and checks. Values from a chunk of steps have a leading axis of steps."""


def axis_names(dimensions: int) -> tuple[str, ...]:
    """Return the names of a grid's axes: row, col, axis2, ..."""
    return ("row", "col", *(f"axis{i}" for i in range(2, dimensions)))[:dimensions]
