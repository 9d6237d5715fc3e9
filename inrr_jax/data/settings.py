"""The settings of the mask: which entries of a signal are observed."""

from dataclasses import dataclass

from inrr_jax.data.masks import MODES
from inrr_jax.options import MAX_SEED, Options, at_least, choice, sum_of


@dataclass(frozen=True)
class MaskSettings(Options):
    """The mask: which pixels are observed."""

    mode: str = sum_of(*MODES, "file", alone="none")
    """One mode, or several as text+random: a pixel that any of them misses is missing. none: only what the data lack
    themselves is missing. docs/masks.md shows the modes."""
    rate: float = at_least(0.5, 0.0, above=True)
    """Share of missing pixels, in (0, 1), for each mode. The modes file, grid and blocks (half is missing) ignore
    it."""
    size: int = at_least(4, 1, high=2**16)
    """Pixels: side of the tiles of blocks, factor of grid, period of stripes and diagonal, standard deviation of the
    filter of clouds. Other modes ignore it."""
    axis: int = at_least(-1, -32, high=31)
    """The axis of slices, gap, fibers, deadlines and of the duration of clouds; negative: from the last one."""
    duration: int = at_least(-1, -1)
    """Frames or bands: standard deviation of the filter of clouds along mask.axis. 0: clouds are drawn anew in each;
    -1: mask.size."""
    profile: str = choice("linear", "radial", "halves")
    """Where density misses more pixels than elsewhere: to the right, away from the centre, in the right half."""
    seed: int = at_least(0, 0, high=MAX_SEED)
    """Seed of the mask alone; the fit has its own."""
    path: str = ""
    """The picture or .npy array that mode file reads; it has the size of the image as it is fitted."""
    threshold: float = at_least(0.5, 0.0, high=1.0)
    """Grey value in [0, 1] that separates observed from missing pixels in that file."""
    observed: str = choice("bright", "dark")
    """Which side of the threshold is observed."""
