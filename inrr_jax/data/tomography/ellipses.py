"""Pictures of ellipses, and their exact line integrals."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Ellipse(NamedTuple):
    """A constant value inside of an ellipse; rows run down, and the picture spans [-1, 1] along both axes."""

    value: float
    half_height: float
    half_width: float
    row: float
    column: float
    turned: float
    """Degrees by which the height leans towards the columns."""


SHEPP_LOGAN = (
    Ellipse(1.0, 0.92, 0.69, 0.0, 0.0, 0),
    Ellipse(-0.8, 0.874, 0.6624, 0.0184, 0.0, 0),
    Ellipse(-0.2, 0.31, 0.11, 0.0, 0.22, 18),
    Ellipse(-0.2, 0.41, 0.16, 0.0, -0.22, -18),
    Ellipse(0.1, 0.25, 0.21, -0.35, 0.0, 0),
    Ellipse(0.1, 0.046, 0.046, -0.1, 0.0, 0),
    Ellipse(0.1, 0.046, 0.046, 0.1, 0.0, 0),
    Ellipse(0.1, 0.023, 0.046, 0.605, -0.08, 0),
    Ellipse(0.1, 0.023, 0.023, 0.606, 0.0, 0),
    Ellipse(0.1, 0.046, 0.023, 0.605, 0.06, 0),
)
"""The head of Shepp and Logan (IEEE Trans. Nucl. Sci. 1974) with the contrasts of Toft (thesis, 1996), in [0, 1]."""


def draw(ellipses: tuple[Ellipse, ...], size: int, samples: int = 4) -> Float[np.ndarray, "n n"]:
    """Return the picture; each pixel is the mean of samples x samples points."""
    place = (np.arange(size * samples) + 0.5) * 2 / (size * samples) - 1
    rows, columns = place[:, None], place[None, :]
    fine = np.zeros((size * samples,) * 2)
    for ellipse in ellipses:
        down, across = _local(ellipse, rows - ellipse.row, columns - ellipse.column)
        fine += ellipse.value * (down**2 + across**2 <= 1)
    return fine.reshape(size, samples, size, samples).mean(axis=(1, 3))


def integrate(
    ellipses: tuple[Ellipse, ...], origins: Float[np.ndarray, "*m 2"], directions: Float[np.ndarray, "*m 2"]
) -> Float[np.ndarray, "*m"]:
    """Return the integrals along the lines o + t d, in units of value times the coordinate.

    In coordinates in which the ellipse is a unit circle, |o + t d|² = 1 is a quadratic equation for the ends of the
    chord, whose length is |d| sqrt((o . d)² - |d|² (|o|² - 1)) 2 / |d|², with the last two |d| in these coordinates.
    """
    lengths = np.linalg.norm(directions, axis=-1)
    total = np.zeros(lengths.shape)
    for ellipse in ellipses:
        o = np.stack(_local(ellipse, origins[..., 0] - ellipse.row, origins[..., 1] - ellipse.column))
        d = np.stack(_local(ellipse, directions[..., 0], directions[..., 1]))
        square, mixed = (d**2).sum(0), (o * d).sum(0)
        chord = np.sqrt(np.maximum(mixed**2 - square * ((o**2).sum(0) - 1), 0)) * 2 / square
        total += ellipse.value * lengths * chord
    return total


def _local(ellipse, rows, columns):
    """Return vectors in the directions of the axes of an ellipse, in units of these."""
    angle = np.deg2rad(ellipse.turned)
    down = np.cos(angle) * rows + np.sin(angle) * columns
    across = np.cos(angle) * columns - np.sin(angle) * rows
    return down / ellipse.half_height, across / ellipse.half_width
