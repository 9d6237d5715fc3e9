"""A picture from its gradient or its Laplacian (Poisson's equation)."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inrr_jax import grids
from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds import picture
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.residuals import Constraint, Residuals
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem

SUMS = 1 << 16
"""Pairs of pixels whose difference is the sum of the gradient between them."""


class Differences(NamedTuple):
    """Measured differences of neighbouring pixels, and where they are known."""

    down: Float[np.ndarray, "H-1 W C"]
    right: Float[np.ndarray, "H W-1 C"]
    down_known: Bool[np.ndarray, "H-1 W"]
    right_known: Bool[np.ndarray, "H W-1"]


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of a picture that is known by its derivatives alone."""

    name: str = choice("poisson")
    image: str = "camera"
    """A bundled name or the path of a picture, of which only the derivatives are used."""
    size: int = at_least(256, 0)
    """Longest side in pixels after resizing; 0: the picture's own size."""
    grey: bool = True
    """Whether to reduce colour to one channel."""
    source: str = choice("gradient", "laplacian")
    """What is known: differences of neighbouring pixels, or the Laplacian together with the pixels of the border."""
    noise: float = at_least(0.0, 0.0)
    """Standard deviation of Gaussian noise on the differences, or on the Laplacian, per pixel."""
    missing: float = at_least(0.0, 0.0, high=0.95)
    """Share of pixels at which the gradient is not known, at places that the settings of the mask draw."""
    sums: float = at_least(0.1, 0.0)
    """Weight of sums of the gradient along rows and columns. They hold the same data as the gradient, and let the fit
    find coarse structure in few steps; 0: without."""

    @property
    def label(self) -> str:
        """The picture and what is known of it."""
        return f"{self.source} of {self.image}"

    def read(self) -> Float[np.ndarray, "H W C"]:
        """Load the picture.

        Raises:
            UserError: it cannot be loaded.
        """
        return picture.Config(image=self.image, size=self.size, grey=self.grey).read()

    def problem(self, content: Float[np.ndarray, "H W C"], mask: MaskSettings) -> Problem:
        """Return the problem of recovering the picture from its derivatives.

        Raises:
            UserError: the mask does not suit the picture.
        """
        domain = Domain(content.shape[:2], content.shape[2], None)
        rng = np.random.default_rng(mask.seed)
        if self.source == "laplacian":
            constraints = laplacian_constraints(content, domain, self.noise * rng.normal(size=content.shape))
            return Problem(domain, Residuals(constraints), (), truth=content)
        known = np.ones(domain.shape, bool)
        if self.missing:
            known = draw_mask(dataclasses.replace(mask, rate=self.missing), domain.shape)
        measured = differences(content, known, self.noise, rng)
        constraints = gradient_constraints(measured, domain, self.sums, rng)
        return Problem(domain, Residuals(constraints), measured, truth=content)


def differences(image: np.ndarray, known: np.ndarray, noise: float, rng: np.random.Generator) -> Differences:
    """Return noisy differences of neighbouring pixels, known where both pixels are, and zero elsewhere."""
    down, right = (np.diff(image, axis=axis) for axis in (0, 1))
    both = known[1:] & known[:-1], known[:, 1:] & known[:, :-1]
    noisy = [d + noise * rng.normal(size=d.shape) for d in (down, right)]
    cut = [np.where(k[..., None], d, 0).astype(np.float32) for d, k in zip(noisy, both, strict=True)]
    return Differences(cut[0], cut[1], both[0], both[1])


def gradient_constraints(measured: Differences, domain: Domain, sums: float, rng) -> tuple[Constraint, ...]:
    """Return the constraints of a gradient: at the centres of cells of four pixels, and between distant pixels."""
    # A cell's gradient is the mean of its two differences along each axis: exact for a field that is smooth there.
    slope = np.stack(
        [(measured.down[:, 1:] + measured.down[:, :-1]) / 2, (measured.right[1:] + measured.right[:-1]) / 2], axis=-1
    )
    known = measured.down_known[:, 1:] & measured.down_known[:, :-1]
    known &= measured.right_known[1:] & measured.right_known[:-1]
    axes = [(axis[1:] + axis[:-1]) / 2 for axis in grids.axes(domain.shape)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)[known]
    step = np.full(len(centres), 2 / (max(domain.shape) - 1), np.float32)
    cells = Constraint(gradient_residual, centres, (slope[known], step))
    if not sums:
        return (cells,)
    starts, data = _sums(measured, domain, rng)
    return cells, Constraint(sum_residual, starts, data, weight=sums)


def _sums(measured: Differences, domain: Domain, rng):
    """Draw pairs of pixels in one row or column, with no unknown difference between them, and return their sums."""
    axis, start = rng.integers(0, 2, SUMS), rng.integers(0, domain.shape, (SUMS, 2))
    # All distances are equally frequent on a logarithmic scale, from 2 pixels to the whole picture.
    length = np.exp(rng.uniform(np.log(2), np.log(max(domain.shape)), SUMS)).astype(int)
    end = start + length[:, None] * np.eye(2, dtype=int)[axis]
    totals = [_running(d, a) for a, d in enumerate((measured.down, measured.right))]
    gaps = [_running(~k, a) for a, k in enumerate((measured.down_known, measured.right_known))]
    inside = (end < domain.shape).all(axis=1)
    start, end, axis = start[inside], end[inside], axis[inside]
    rise = np.where(
        (axis == 0)[:, None],
        totals[0][tuple(end.T)] - totals[0][tuple(start.T)],
        totals[1][tuple(end.T)] - totals[1][tuple(start.T)],
    )
    crossed = np.where(
        axis == 0, gaps[0][tuple(end.T)] - gaps[0][tuple(start.T)], gaps[1][tuple(end.T)] - gaps[1][tuple(start.T)]
    )
    nodes = grids.axes(domain.shape)
    first, last = (np.stack([nodes[a][i[:, a]] for a in (0, 1)], axis=1)[crossed == 0] for i in (start, end))
    return first, (last, rise[crossed == 0].astype(np.float32))


def _running(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the sums of all entries before each pixel along an axis."""
    return np.insert(np.cumsum(values, axis=axis, dtype=np.float64), 0, 0, axis=axis)


def laplacian_constraints(image: np.ndarray, domain: Domain, noise: np.ndarray) -> tuple[Constraint, ...]:
    """Return the constraints of a five-point Laplacian at inner pixels, and of the values on the border."""
    inner = image[1:-1, 1:-1]
    values = image[2:, 1:-1] + image[:-2, 1:-1] + image[1:-1, 2:] + image[1:-1, :-2] - 4 * inner
    border = np.ones(domain.shape, bool)
    border[1:-1, 1:-1] = False
    nodes = np.asarray(domain.points).reshape(*domain.shape, 2)
    step = np.full(inner[..., 0].size, 2 / (max(domain.shape) - 1), np.float32)
    data = ((values + noise[1:-1, 1:-1])[~border[1:-1, 1:-1]].astype(np.float32), step)
    return (
        Constraint(laplacian_residual, nodes[1:-1, 1:-1].reshape(-1, 2), data),
        Constraint(value_residual, nodes[border], image[border], weight=10.0),
    )


def gradient_residual(field, points, data):
    """Return d f / d x - slope, per pixel."""
    slope, step = data
    return (field.gradient(points) * step[:, None, None] - slope).reshape(len(points), -1)


def sum_residual(field, points, data):
    """Return f(end) - f(start) - the sum of the gradient between them."""
    ends, rise = data
    values = field(jnp.concatenate([points, ends]))
    return values[len(points) :] - values[: len(points)] - rise


def laplacian_residual(field, points, data):
    """Return the Laplacian of f minus its known value, per squared pixel."""
    values, step = data
    return field.laplacian(points) * step[:, None] ** 2 - values


def value_residual(field, points, values):
    """Return f minus its known value."""
    return field(points) - values
