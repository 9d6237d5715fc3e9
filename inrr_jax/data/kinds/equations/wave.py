"""A pulse on a string with fixed ends: the wave equation in time and one dimension."""

from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.residuals import Constraint, Residuals
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem

CENTRE = -0.3
"""Of the initial pulse; away from the middle, so that the two halves meet the ends at different times."""
GIVEN = 2000
"""Points at the start, and points at the ends."""


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of u_tt = c² u_xx for t and x in [-1, 1], with u = 0 at both ends and a pulse at rest at t = -1."""

    name: str = choice("wave")
    speed: float = at_least(0.75, 0.0, above=True)
    """c. The pulses travel 2 c in all."""
    width: float = at_least(0.12, 0.0, above=True)
    """Standard deviation of the initial pulse, a Gaussian of height 1."""
    size: int = at_least(129, 9)
    """Times and places of the grid on which the field is compared."""
    start: float = at_least(30.0, 0.0)
    """Weight of the initial pulse, and of its initial rest."""
    ends: float = at_least(10.0, 0.0)
    """Weight of the fixed ends."""

    @property
    def label(self) -> str:
        """The speed and the width."""
        return f"pulse of width {self.width:g}, c = {self.speed:g}"

    def read(self) -> Float[np.ndarray, "n n 1"]:
        """Return d'Alembert's solution on the grid of times and places."""
        time, place = np.meshgrid(*[np.linspace(-1, 1, self.size)] * 2, indexing="ij")
        travelled = self.speed * (time + 1)
        halves = pulse(place - travelled, self.width) + pulse(place + travelled, self.width)
        return (halves / 2)[..., None].astype(np.float32)

    def problem(self, content: Float[np.ndarray, "n n 1"], mask: MaskSettings) -> Problem:
        """Return the problem of the whole motion. The mask is not used."""
        rng = np.random.default_rng(0)
        along, times = (rng.uniform(-1, 1, GIVEN).astype(np.float32) for _ in range(2))
        first = np.stack([np.full_like(along, -1), along], axis=1)
        ends = np.stack([times, np.where(np.arange(GIVEN) % 2, 1, -1).astype(np.float32)], axis=1)
        initial = pulse(along.astype(np.float64), self.width).astype(np.float32)
        # Residuals of derivatives are in units of the pulse's own: its slope is 1 / width.
        constraints = (
            Constraint(partial(wave_residual, speed=self.speed, width=self.width)),
            Constraint(partial(start_residual, width=self.width), first, initial, weight=self.start),
            Constraint(end_residual, ends, weight=self.ends),
        )
        return Problem(Domain((self.size, self.size), 1, None), Residuals(constraints), (), truth=content)


def pulse(place: np.ndarray, width: float) -> np.ndarray:
    """Return the initial pulse, continued as an odd function about both ends, with the period 4 that this implies."""
    images = sum(
        _gaussian(place - 4 * n - CENTRE, width) - _gaussian(place - 4 * n - (2 - CENTRE), width) for n in range(-2, 3)
    )
    return np.asarray(images)


def _gaussian(x, width):
    return np.exp(-(x**2) / (2 * width**2))


def wave_residual(field, points, *, speed: float, width: float) -> Float[Array, "N 1"]:
    """Return (u_tt - c² u_xx) width² / c²."""
    return field.laplacian(points, (1.0, -(speed**2))) * (width / speed) ** 2


def start_residual(field, points, initial, *, width: float) -> Float[Array, "N 2"]:
    """Return u minus the initial pulse, and width u_t."""
    values, gradient = field.value_and_gradient(points)
    return jnp.stack([values[:, 0] - initial, width * gradient[:, 0, 0]], axis=1)


def end_residual(field, points) -> Float[Array, "N 1"]:
    """Return u."""
    return field(points)
