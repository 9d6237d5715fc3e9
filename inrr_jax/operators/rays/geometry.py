"""Geometries of projections: the rays of parallel and of fan beams, in the coordinates of a domain.

The longest axis of a domain spans [-1, 1] between the centres of its outermost pixels. At the angle 0 the rays of a
parallel beam run along the first axis; with the angle, the source turns from there towards the second.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Beam(NamedTuple):
    """Rays in the plane: the points o + t d for all real t."""

    origins: Float[np.ndarray, "V B 2"]
    directions: Float[np.ndarray, "V B 2"]
    """Of any length other than 0."""


def parallel(angles: Float[np.ndarray, "V"], offsets: Float[np.ndarray, "B"]) -> Beam:
    """Return rays d = (cos a, sin a) at the signed distances s from the centre: o = s (-sin a, cos a).

    Args:
        angles: a of every view, in radians.
        offsets: s of every detector bin, in the domain's coordinates.
    """
    along, across = _frame(angles)
    origins = across[:, None, :] * offsets[None, :, None]
    return Beam(origins, np.broadcast_to(along[:, None, :], origins.shape))


def fan(
    angles: Float[np.ndarray, "V"],
    offsets: Float[np.ndarray, "B"],
    source: float,
) -> Beam:
    """Return rays from a point source through a flat detector, both of which turn about the centre.

    Args:
        angles: of the central ray of every view, in radians.
        offsets: of every detector bin from the central ray, measured in the plane through the centre (a detector
            behind it is magnified: divide its lengths by the magnification).
        source: distance of the source from the centre, in the domain's coordinates.
    """
    along, across = _frame(angles)
    through = across[:, None, :] * offsets[None, :, None]
    origins = np.broadcast_to(-source * along[:, None, :], through.shape)
    return Beam(origins, through - origins)


def bins(count: int, width: float) -> Float[np.ndarray, "B"]:
    """Return the centres of `count` detector bins of equal size that share a width about the centre."""
    return (np.arange(count) + 0.5 - count / 2) * width / count


def _frame(angles):
    """Return unit vectors along and across the central ray of every view, [V, 2] each."""
    sine, cosine = np.sin(angles), np.cos(angles)
    return np.stack([cosine, sine], axis=1), np.stack([-sine, cosine], axis=1)
