"""The wave field of a point source in two dimensions: the Helmholtz equation with an absorbing border."""

from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.residuals import Constraint, Residuals
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem

BORDER = 4000
"""Points on the border."""


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of lap u + k² u = -source on the square [-1, 1]², with waves that leave it."""

    name: str = choice("helmholtz")
    wavenumber: float = at_least(10.0, 0.0, above=True)
    """k in radians per half of the side: the side is k / pi wavelengths long."""
    width: float = at_least(0.08, 0.0, above=True)
    """Standard deviation of the Gaussian that stands for the point source, at the centre of the square."""
    size: int = at_least(129, 9)
    """Nodes along each side of the grid on which the field is compared."""
    border: float = at_least(1.0, 0.0)
    """Weight of the absorbing border."""

    @property
    def label(self) -> str:
        """The wavenumber."""
        return f"point source, k = {self.wavenumber:g}"

    def read(self) -> Complex[np.ndarray, "n n"]:
        """Return Green's function i/4 H0(k r) on the grid. At the source, where it is infinite, it is NaN."""
        from scipy.special import hankel1

        radius = np.hypot(*self._grid)
        radius[radius == 0] = np.nan
        return 0.25j * hankel1(0, self.wavenumber * radius)

    def problem(self, content: Complex[np.ndarray, "n n"], mask: MaskSettings) -> Problem:
        """Return the problem of the real and the imaginary part of the field. The mask is not used.

        The truth is NaN within four widths of the source, where the field of a Gaussian is not that of a point.
        """
        truth = np.stack([content.real, content.imag], axis=-1).astype(np.float32)
        truth[np.hypot(*self._grid) < self.away] = np.nan
        sides = np.random.default_rng(0).uniform(-1, 1, BORDER).astype(np.float32)
        one = np.where(np.arange(BORDER) % 2, 1, -1).astype(np.float32)
        flipped = np.arange(BORDER)[:, None] % 4 < 2
        border = np.where(flipped, np.stack([sides, one], axis=1), np.stack([one, sides], axis=1))
        constraints = (
            Constraint(partial(helmholtz_residual, wavenumber=self.wavenumber, width=self.width)),
            Constraint(partial(outgoing_residual, wavenumber=self.wavenumber), border, weight=self.border),
        )
        return Problem(Domain((self.size, self.size), 2, None), Residuals(constraints), (), truth=truth)

    @property
    def away(self) -> float:
        """The distance from the source beyond which the field is compared."""
        return 4 * self.width

    @property
    def _grid(self) -> tuple[np.ndarray, ...]:
        axis = np.linspace(-1, 1, self.size)
        return tuple(np.meshgrid(axis, axis, indexing="ij"))


def source_density(points: Array | np.ndarray, wavenumber: float, width: float) -> Array:
    """Return a Gaussian whose field outside of it is that of a point source.

    A Gaussian of integral 1 has the point's field times its Fourier transform at k, exp(-k² width² / 2), which the
    factor in front cancels.
    """
    radius = (points**2).sum(axis=-1)
    factor = np.exp((wavenumber * width) ** 2 / 2) / (2 * np.pi * width**2)
    return factor * jnp.exp(-radius / (2 * width**2))


def helmholtz_residual(field, points, *, wavenumber: float, width: float) -> Float[Array, "N 2"]:
    """Return (lap u + source) / k² + u for u = f_1 + i f_2."""
    found = field.derivatives(points)
    source = source_density(points, wavenumber, width)
    return (found.laplacian + jnp.stack([source, jnp.zeros_like(source)], axis=1)) / wavenumber**2 + found.values


def outgoing_residual(field, points, *, wavenumber: float) -> Float[Array, "N 2"]:
    """Return (du/dr - i k u + u / (2 r)) / k, which vanishes for waves that leave the origin up to order (k r)^-2.

    Source: Bayliss and Turkel, "Radiation boundary conditions for wave-like equations", 1980: their first condition.
    """
    values, gradient = field.value_and_gradient(points)
    radius = jnp.linalg.norm(points, axis=1)[:, None]
    slope = (gradient * (points / radius)[:, None, :]).sum(axis=-1) + values / (2 * radius)
    turned = jnp.stack([-values[:, 1], values[:, 0]], axis=1)
    return slope / wavenumber - turned
