"""Two pictures blended without a seam: the gradient of one inside a region, the values of the other around it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax import grids
from inrr_jax.data import images
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.kinds.equations.poisson import gradient_residual, value_residual
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.residuals import Constraint, Residuals
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem


class Pair(NamedTuple):
    """What is blended."""

    source: Float[np.ndarray, "H W C"]
    target: Float[np.ndarray, "H W C"]
    region: Bool[np.ndarray, "H W"]
    """True where the source is pasted; False on the border."""


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of grad f = grad source inside an ellipse, f = target outside (Perez et al., SIGGRAPH 2003)."""

    name: str = choice("poisson_blend")
    source: str = "cat"
    """The picture whose structure is pasted: a bundled name or a path. It is resized to the target."""
    target: str = "astronaut"
    """The picture around it."""
    size: int = at_least(192, 8)
    """Longest side of the target in pixels."""
    grey: bool = False
    """Whether to reduce both to one channel."""
    row: float = at_least(0.5, 0.0, high=1.0)
    """Centre of the region, as a share of the height."""
    column: float = at_least(0.5, 0.0, high=1.0)
    """Centre of the region, as a share of the width."""
    height: float = at_least(0.35, 0.0, above=True, high=1.0)
    """Half the height of the region, as a share of the picture's."""
    width: float = at_least(0.35, 0.0, above=True, high=1.0)
    """Half the width of the region, as a share of the picture's."""
    outside: float = at_least(1.0, 0.0)
    """Weight of the target's values."""

    @property
    def label(self) -> str:
        """Both pictures."""
        return f"{self.source} in {self.target}"

    def read(self) -> Pair:
        """Load both pictures in one size, and draw the region.

        Raises:
            UserError: one of them cannot be loaded.
        """
        target = images.load(self.target, grey=self.grey)
        scale = self.size / max(target.shape[:2])
        shape = (round(target.shape[0] * scale), round(target.shape[1] * scale))
        source = images.load(self.source, grey=self.grey)
        rows, columns = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij")
        region = ((rows - self.row) / self.height) ** 2 + ((columns - self.column) / self.width) ** 2 < 1
        region[[0, -1]] = region[:, [0, -1]] = False
        return Pair(images.resize(source, shape), images.resize(target, shape), region)

    def problem(self, content: Pair, mask: MaskSettings) -> Problem:
        """Return the problem of the blend. The mask is not used."""
        source, target, region = content
        domain = Domain(region.shape, target.shape[2], None)
        down, right = (np.diff(source, axis=axis) for axis in (0, 1))
        slope = np.stack([(down[:, 1:] + down[:, :-1]) / 2, (right[1:] + right[:-1]) / 2], axis=-1)
        # Cells with a pixel of the region continue the source up to the target's pixels.
        cells = region[1:, 1:] | region[1:, :-1] | region[:-1, 1:] | region[:-1, :-1]
        axes = grids.axes(domain.shape)
        centres = np.stack(np.meshgrid(*[(a[1:] + a[:-1]) / 2 for a in axes], indexing="ij"), axis=-1)[cells]
        nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)[~region]
        step = np.full(len(centres), 2 / (max(domain.shape) - 1), np.float32)
        constraints = (
            Constraint(gradient_residual, centres, (slope[cells], step)),
            Constraint(value_residual, nodes, target[~region], weight=self.outside),
        )
        return Problem(domain, Residuals(constraints), content)
