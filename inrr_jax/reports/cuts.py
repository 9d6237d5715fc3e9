"""Cuts through a signal on a grid: what its figures show, in its own units."""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.grids import focus, main_slice
from inrr_jax.plots.slices import Plane, Profile
from inrr_jax.problem import Domain

MOST_FRAMES = 60
"""Frames of an animation."""
PLACES = (0.25, 0.5, 0.75)
"""Where profiles are drawn, as shares of the longer axis of the main slice."""
ACROSS = (0.35, 0.65)
"""The same for its shorter axis."""

Index = tuple[slice | int, ...]


class Cuts:
    """A recovery of a signal, of which parts are converted to its own units as they are needed."""

    def __init__(
        self,
        domain: Domain,
        units,
        mask: Bool[np.ndarray, "*grid"],
        arrays: dict[str, Float[np.ndarray, "*grid C"]],
    ):
        """Keep the arrays.

        Args:
            domain: of the signal.
            units: its `Units`.
            mask: True where observed.
            arrays: `observed`, `recovered`, and `truth` where it is known, in the units of the fit.
        """
        self._domain, self._units, self._mask, self._arrays = domain, units, mask, arrays
        self._focus = focus(mask)

    def plane(self, pair: tuple[int, int]) -> Plane:
        """Return the slice with these two axes."""
        lengths = [n * self._step(axis) for axis, n in enumerate(self._domain.shape)]
        values = self._cut(tuple(slice(None) if axis in pair else i for axis, i in enumerate(self._focus)))
        down, across = pair
        return Plane((self._label(down), self._label(across)), (lengths[down], lengths[across]), values)

    def profile(self, axis: int) -> Profile:
        """Return the values along one axis."""
        return self._profile(axis, self._focus)

    def profiles(self) -> dict[str, Profile]:
        """Return the values across the main slice at six of its nodes, by the indices of these: spectra of pixels."""
        index = main_slice(self._mask)
        across = next(axis for axis, place in enumerate(index) if isinstance(place, int))
        first, second = sorted(
            (axis for axis, place in enumerate(index) if isinstance(place, slice)), key=self._domain.shape.__getitem__
        )
        found = {}
        for a, b in itertools.product(ACROSS, PLACES):
            place = list(self._focus)
            place[first], place[second] = int(a * self._domain.shape[first]), int(b * self._domain.shape[second])
            shown = (":" if axis == across else str(i) for axis, i in enumerate(place))
            found[f"[{', '.join(shown)}]"] = self._profile(across, place)
        return found

    def _profile(self, axis: int, place: Sequence[int]) -> Profile:
        """Return the values along one axis through a node."""
        values = self._cut(tuple(slice(None) if other == axis else i for other, i in enumerate(place)))
        return Profile(self._label(axis), np.arange(self._domain.shape[axis]) * self._step(axis), values)

    def frames(self) -> dict[str, Float[np.ndarray, "T H W"]]:
        """Return the slices like the main one along the first of the other axes, at most `MOST_FRAMES`."""
        index = list(main_slice(self._mask))
        along = next(axis for axis, place in enumerate(index) if isinstance(place, int))
        index[along] = slice(None, None, -(-self._domain.shape[along] // MOST_FRAMES))
        kept = [axis for axis, place in enumerate(index) if isinstance(place, slice)]
        first = kept.index(along)
        return {name: np.moveaxis(values, first, 0) for name, values in self._cut(tuple(index)).items()}

    def _cut(self, index: Index) -> dict[str, Float[np.ndarray, "..."]]:
        """Return a part of every array: the mean of the channels, NaN where observed values are missing."""
        found = {
            name: self._units.to_own(array[index], np.float32).mean(axis=-1) for name, array in self._arrays.items()
        }
        found["observed"] = np.where(self._mask[index], found["observed"], np.nan)
        return found

    def _step(self, axis: int) -> float:
        return self._domain.spacing[axis] if self._domain.spacing and self._domain.length else 1.0

    def _label(self, axis: int) -> str:
        known = self._domain.spacing and self._domain.length
        return f"axis {axis} / {self._domain.length if known else 'nodes'}"
