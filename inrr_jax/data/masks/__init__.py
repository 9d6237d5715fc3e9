"""Masks: which pixels of a grid are observed (True) and which are missing (False).

Every file in `MODULES` declares its modes as `MODES = {"name": function}`; mode.py describes the functions. A new mode
needs a file and a line in `MODULES`. Its function may take, as a fourth argument with a default, any of the options of
`make`.
"""

import functools
import importlib
import inspect

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from inrr_jax.data.masks.files import load, validate
from inrr_jax.data.masks.mode import Mode, Rate
from inrr_jax.errors import UserError, unknown

__all__ = ["MODES", "MODULES", "load", "make", "validate"]

MODULES = (
    "random",
    "density",
    "lines",
    "box",
    "patterns",
    "text",
    "scratches",
    "clouds",
    "fibers",
)
"""Files of this folder that declare modes. random comes first because it is the default of the setting `mask.mode`."""

MODES: dict[str, Mode] = {
    name: mode for module in MODULES for name, mode in importlib.import_module(f"{__name__}.{module}").MODES.items()
}
"""All mask modes by name."""


def make(
    key: PRNGKeyArray,
    shape: tuple[int, ...],
    mode: str,
    rate: Rate,
    *,
    size: int = 4,
    profile: str = "linear",
    axis: int = -1,
    duration: int = -1,
) -> Bool[Array, "*grid"]:
    """Draw a mask.

    Args:
        key: random key; the periodic modes, border and text do not depend on it.
        shape: shape of the grid, without channels.
        mode: one of `MODES`, or several as `a+b`, whose union of missing pixels is missing.
        rate: fraction of missing pixels, in (0, 1), of every mode in the sum; it is not checked if it is traced.
        size: pixels, at least 1: side of the tiles of blocks, spacing of grid, period of stripes and diagonal, scale of
            clouds.
        profile: where density has more missing pixels, one of `density.PROFILES`.
        axis: the axis of slices, gap, fibers, deadlines and of the duration of clouds; negative: from the last.
        duration: scale of clouds along that axis, at least 0; -1: that of the other axes.

    Returns:
        The mask, True where observed. All or none of its pixels may be observed; `validate` refuses such masks.

    Raises:
        UserError: for an unknown mode or profile, a rate outside (0, 1), or a grid that the mode does not take.
    """
    if not isinstance(rate, jax.Array) and not 0 < rate < 1:
        raise UserError(f"mask.rate={rate} is out of range: give the fraction of missing pixels, above 0 and below 1")
    options = {"size": size, "profile": profile, "axis": axis, "duration": duration}
    parts = []
    for i, name in enumerate(mode.split("+")):
        if name not in MODES:
            raise UserError(unknown(f"mask mode {name}", name, MODES))
        accepted = inspect.signature(MODES[name]).parameters
        # The parts are drawn independently. The first one has the key itself, so that it is the mask of its mode alone.
        subkey = jax.random.fold_in(key, i) if i else key
        chosen = {option: value for option, value in options.items() if option in accepted}
        parts.append(MODES[name](subkey, shape, rate, **chosen))
    return functools.reduce(jnp.logical_and, parts)
