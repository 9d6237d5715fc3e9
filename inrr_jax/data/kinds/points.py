"""Scattered points: from a file, or nodes of a known grid."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from inrr_jax.data import points
from inrr_jax.data.arrays import Signal
from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds.stored import BOUNDS, StoredConfig, known_entries, truth_of
from inrr_jax.data.points import Box, Points
from inrr_jax.data.settings import MaskSettings
from inrr_jax.data.units import Units, units_of
from inrr_jax.errors import UserError
from inrr_jax.operators.sampling import Sampling
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem


@dataclass(frozen=True)
class Config(StoredConfig):
    """Options of scattered points: of a file with points, or of an array whose nodes the mask samples."""

    instead: ClassVar = {"path": "points"}
    name: str = choice("points")
    points: str = ""
    """A file of points (docs/data.md), which the mask does not change. Empty: the nodes of the array `source` that the
    mask observes, so that the recovery can be compared with the array."""
    dimensions: int = at_least(0, 0)
    """Columns of coordinates in that file; the others hold values. 0: all but the last column."""
    nodes: int = at_least(64, 2)
    """Nodes along the longest axis of the grid on which points of a file are recovered."""
    rescale: bool = False
    """Whether each coordinate of points in a file is scaled on its own, because their units differ."""

    @property
    def label(self) -> str:
        """The name or path of the data."""
        return self.points or self.source

    def read(self) -> Points | Signal:
        """Read the points, or the array to sample.

        Raises:
            UserError: neither or both are given, or they cannot be read.
        """
        if self.points and self.source:
            raise UserError(
                f"data.points={self.points} and data.source={self.source}: give one of them; with a file of points,"
                " --config.data.source="
            )
        return points.read_points(self.points, self.dimensions) if self.points else self.read_signal()

    def problem(self, content: Points | Signal, mask: MaskSettings) -> Problem:
        """Return the problem of recovering a field from its values at points.

        Raises:
            UserError: the mask does not suit the array, or the points are too few.
        """
        if isinstance(content, Points):
            # Columns of a file are different quantities.
            units = _units(content, per_channel=True)
            return _problem(content, points.box_around(content.points, self.nodes, rescale=self.rescale), units)
        shape = content.values.shape[:-1]
        step = content.spacing or (1.0,) * len(shape)
        observed = draw_mask(mask, shape, known_entries(content))
        sample = points.sample(content.values, observed, step)
        units = _units(sample)
        problem = _problem(sample, Box(shape, (0.0,) * len(shape), step, False), units)
        problem = problem._replace(domain=replace(problem.domain, length=content.length, unit=content.unit))
        return problem._replace(truth=truth_of(content, observed, units) if self.truth else None)


def _units(sample: Points, per_channel: bool = False) -> Units:
    return units_of(sample.values, np.ones(len(sample.values), bool), per_channel=per_channel)


def _problem(sample: Points, box: Box, units: Units) -> Problem:
    """Return the problem of recovering a field on a box from its values at points."""
    domain = Domain(box.shape, sample.values.shape[1], BOUNDS, box.spacing)
    return Problem(domain, Sampling(box.to_domain(sample.points)), units.to_unit(sample.values), units=units)
