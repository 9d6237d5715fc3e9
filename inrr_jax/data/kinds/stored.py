"""Options of the kinds that read an array from a file or by name."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float32

from inrr_jax.data import arrays, sources
from inrr_jax.data.arrays import Signal
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.units import Units

BOUNDS = (-0.1, 1.1)
"""Of values whose observed range is [0, 1]: the missing ones may lie a little beyond it."""


@dataclass(frozen=True)
class StoredConfig(DataConfig):
    """Options of an array of any number of axes."""

    instead: ClassVar = {"path": "source", "image": "source"}
    source: str = ""
    """A file, or the name of data in an installed package (docs/data.md)."""
    array: str = ""
    """The name of the array in a .npz or .nc file that holds several."""
    crop: str = ""
    """One range or index per axis, such as 0:64,:,10:20; empty: everything."""
    channels: bool = False
    """Whether the last axis holds channels. Videos and stacks of colour pictures have channels in any case."""
    grey: bool = False
    """Whether to reduce red, green and blue to one channel, the ITU-R 601 luma."""

    @property
    def label(self) -> str:
        """The name or path of the data."""
        return self.source

    def read_signal(self) -> Signal:
        """Read the array.

        Raises:
            UserError: it cannot be read, or it is no signal.
        """
        source = sources.find(self.source, self.array)
        return arrays.read(source, crop=self.crop, channels=self.channels or None, grey=self.grey)


def known_entries(signal: Signal) -> Bool[np.ndarray, "*grid"]:
    """Return True where every channel has a value."""
    return ~np.isnan(signal.values).any(axis=-1)


def truth_of(
    signal: Signal, observed: Bool[np.ndarray, "*grid"], units: Units
) -> Float32[np.ndarray, "*grid C"] | None:
    """Return the values in the units of a fit, NaN where even the data lack them; None if no missing one is known."""
    return units.to_unit(signal.values) if (known_entries(signal) & ~observed).any() else None
