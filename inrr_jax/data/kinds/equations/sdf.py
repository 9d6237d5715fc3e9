"""The signed distance of a shape from points on its surface with normals (the Eikonal equation)."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.data import shapes
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.data.shapes import Cloud
from inrr_jax.errors import UserError
from inrr_jax.operators.residuals import Constraint, Residuals
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem


class Content(NamedTuple):
    """A surface, and the signed distance on the grid where it is known."""

    cloud: Cloud
    truth: Float[np.ndarray, "*grid 1"] | None


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of |grad f| = 1, f = 0 and grad f = normal on the surface. Lengths are in units of half a side."""

    name: str = choice("sdf")
    shape: str = choice("torus", "ball", "box", "blobs", "cortex", "file")
    """torus, ball, box: analytic shapes; blobs, cortex: meshes; file: the points of data.path."""
    dimensions: int = at_least(3, 2, high=3)
    """2 or 3, for the analytic shapes."""
    count: int = at_least(10_000, 8)
    """Points on the surface."""
    size: int = at_least(65, 9)
    """Nodes along each side of the grid on which the distance is compared."""
    uneven: float = at_least(0.0, 0.0)
    """How unevenly the points lie: they thin out by the factor exp(-2 uneven) from one side of the first axis to the
    other."""
    noise: float = at_least(0.0, 0.0)
    """Standard deviation of Gaussian noise on the normals, before they are scaled to length 1."""
    surface: float = at_least(100.0, 0.0)
    """Weight of f = 0 on the surface."""
    normals: float = at_least(1.0, 0.0)
    """Weight of grad f = normal on the surface."""
    path: str = ""
    """The file of the shape `file`: rows of coordinates and normals, as .npy or text."""

    @property
    def label(self) -> str:
        """The shape and the number of points."""
        return f"{self.path if self.shape == 'file' else self.shape}, {self.count} points"

    def read(self) -> Content:
        """Read or draw the surface.

        Raises:
            UserError: the file cannot be read, is given for another shape, or nilearn is not installed.
        """
        if self.path and self.shape != "file":
            raise UserError(f"data.path={self.path} is read by data.shape=file only, not by {self.shape}")
        rng = np.random.default_rng(0)
        drawn = int(self.count * np.exp(2 * self.uneven))
        if self.shape == "file":
            return Content(self._chosen(shapes.read(self.path), rng), None)
        if self.shape == "blobs":
            vertices, normals, _ = shapes.blobs()
            cloud = Cloud(vertices.astype(np.float32), normals.astype(np.float32))
            return Content(self._chosen(cloud, rng), None)
        if self.shape == "cortex":
            return Content(self._chosen(shapes.cortex(drawn, rng), rng), None)
        signed = shapes.distance(self.shape)
        grid = np.meshgrid(*[np.linspace(-1, 1, self.size)] * self.dimensions, indexing="ij")
        truth = signed(np.stack(grid, axis=-1))[..., None].astype(np.float32)
        cloud = shapes.sample(signed, self.dimensions, drawn, rng)
        return Content(self._chosen(cloud, rng), truth)

    def problem(self, content: Content, mask: MaskSettings) -> Problem:
        """Return the problem of the distance. The mask is not used."""
        cloud = content.cloud
        domain = Domain((self.size,) * cloud.points.shape[1], 1, None)
        scale = (self.surface**0.5, self.normals**0.5)
        constraints = (
            Constraint(partial(surface_residual, scale=scale), cloud.points, cloud.normals),
            Constraint(eikonal_residual),
        )
        return Problem(domain, Residuals(constraints), cloud, truth=content.truth)

    def _chosen(self, cloud: Cloud, rng: np.random.Generator) -> Cloud:
        """Draw the points that are used, and add the noise of the normals."""
        chance = np.exp(-self.uneven * (1 + cloud.points[:, 0]))
        used = min(self.count, len(cloud.points))
        index = rng.choice(len(cloud.points), used, replace=False, p=chance / chance.sum())
        normals = cloud.normals[index] + self.noise * rng.normal(size=(used, cloud.points.shape[1]))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return Cloud(cloud.points[index], normals.astype(np.float32))


def surface_residual(field, points, normals, *, scale: tuple[float, float]) -> Float[Array, "N K"]:
    """Return f and grad f - normal, each times its scale."""
    values, gradient = field.value_and_gradient(points)
    return jnp.concatenate([scale[0] * values, scale[1] * (gradient[:, 0] - normals)], axis=1)


def eikonal_residual(field, points) -> Float[Array, "N"]:
    """Return |grad f| - 1."""
    # The small number keeps the derivative of the root finite where the gradient vanishes.
    return jnp.sqrt((field.gradient(points)[:, 0] ** 2).sum(axis=-1) + 1e-12) - 1
