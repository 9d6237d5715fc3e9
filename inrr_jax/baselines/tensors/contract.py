"""The contract that all completions of tensors share, and the decorators that enforce it.

A completion recovers the missing entries of a signal on a grid with any number of axes. It maps
``(values [*grid, C], mask [*grid], spacing) -> float32 [*grid, C]``. The mask is True at observed entries and shared by
the channels. Observed entries are returned unchanged. The values at missing entries are never used, so they may be NaN.
Nothing is known of the range of the values, so recovered entries may leave the range of the observed ones.
"""

import functools
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

from inrr_jax.errors import UserError
from inrr_jax.operators.masking import paste

Values = Float[np.ndarray, "*grid C"]
Observed = Bool[np.ndarray, "*grid"]
Spacing = tuple[float, ...]
"""Distance of the nodes along each axis."""
Solve = Callable[[Values, Observed, Spacing], Values]


@runtime_checkable
class Complete(Protocol):
    """A completion, as the contract of this module states it."""

    def __call__(self, values: Values, mask: Bool[np.ndarray, "..."], spacing: Spacing | None = None) -> Values:
        """Recover the missing entries; without a spacing, all axes have the same."""
        ...


def completing(solve: Solve) -> Complete:
    """Turn a solver into a completion that fulfils the contract of this module.

    Args:
        solve: maps values [*grid, C] of float32, scaled such that the observed ones span [0, 1], zero where they are
            missing; a mask with at least one observed and one missing entry; and the spacing of each axis. It returns
            an estimate of all entries in the same scale, in any floating-point type.

    Returns:
        The completion. It raises `UserError` for a mask without an observed entry, and for one of the wrong shape.
    """

    @functools.wraps(solve)
    def complete(values: Values, mask: Bool[np.ndarray, "..."], spacing: Spacing | None = None) -> Values:
        if mask.shape != values.shape[:-1]:
            raise UserError(f"a mask of shape {mask.shape}: give the shape without channels, {values.shape[:-1]}")
        if not mask.any():
            raise UserError(
                f"cannot complete a tensor of shape {mask.shape} without an observed entry: mark one as True"
            )
        if mask.all():
            return values.astype(np.float32)
        observed = values[mask]
        low = float(observed.min())
        extent = float(observed.max()) - low or 1.0  # a constant signal has no extent to divide by
        scaled = np.where(mask[..., None], (values - low) / extent, 0).astype(np.float32)
        # Threads of BLAS that share matrices as small as these wait for each other longer than they compute.
        with threadpool_limits(1, user_api="blas"):
            recovered = solve(scaled, mask, (1.0,) * mask.ndim if spacing is None else spacing)
        return paste(low + extent * recovered, values, mask).astype(np.float32)

    return complete


def channels_as_axis(solve: Callable[[Float[np.ndarray, "*axes"], Bool[np.ndarray, "*axes"]], np.ndarray]) -> Solve:
    """Turn a solver of tensors without channels into one with them: two channels or more are the tensor's last axis.

    Methods that know nothing of positions treat channels like any other axis. The spacing is not used.
    """

    @functools.wraps(solve)
    def with_channels(values: Values, mask: Observed, spacing: Spacing) -> Values:
        if values.shape[-1] == 1:
            return solve(values[..., 0], mask)[..., None]
        return solve(values, np.broadcast_to(mask[..., None], values.shape))

    return with_channels
