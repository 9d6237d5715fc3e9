"""What every mask mode shares: its types, and how it names an axis of the grid."""

from collections.abc import Callable

from jaxtyping import Array, Bool, Float

from inrr_jax.errors import UserError

Rate = float | Float[Array, ""]
"""Fraction of missing pixels, in (0, 1); a Python number, or a traced scalar under `jax.jit` and `jax.vmap`."""

Mode = Callable[..., Bool[Array, "*grid"]]
"""A pure function (key, shape, rate, **options) -> mask, True where observed.

`shape` is the shape of the grid without channels. `shape` and the options are static; `key` and `rate` may be traced.
"""


def axis_index(axis: int, shape: tuple[int, ...]) -> int:
    """Return an axis of the grid, counted from the first; a negative one counts from the last, as in NumPy.

    Raises:
        UserError: the grid has no such axis.
    """
    dimensions = len(shape)
    if not -dimensions <= axis < dimensions:
        raise UserError(f"mask.axis={axis} on a grid of shape {shape}: give {-dimensions} to {dimensions - 1}")
    return axis % dimensions
