"""What pictures measured through an operator share: their options, and how the measurements are made or read."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds import picture
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.noise import Gaussian, Noise, Poisson
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem


@dataclass(frozen=True)
class MeasuredPicture(DataConfig):
    """Options of every picture that is measured through an operator. Each kind defines `operator` and `grid`.

    With `truth` the picture is the true one, from which measurements are simulated. Without it, the picture is the
    measurement itself: a noisy, a small or a blurred photograph.
    """

    image: str = "camera"
    """A bundled name or the path of a picture."""
    size: int = at_least(256, 0)
    """Longest side in pixels after resizing, with the proportions kept; 0: the picture's own size."""
    grey: bool = True
    """Whether to reduce colour to one channel, the ITU-R 601 luma."""
    noise: str = choice("gaussian", "poisson")
    """The model of the noise."""
    sigma: float = at_least(0.0, 0.0)
    """Standard deviation of Gaussian noise, for values in [0, 1]."""
    peak: float = at_least(30.0, 0.0, above=True)
    """Expected photons of white, for Poisson noise."""
    seed: int = at_least(0, 0)
    """Of the noise."""

    @property
    def label(self) -> str:
        """What was done to which picture."""
        return f"{self.name} {self.image}"

    @property
    def model(self) -> Noise:
        """The model of the noise, whose parameter is unknown if the deviation is 0 and the picture a measurement."""
        return Poisson(self.peak) if self.noise == "poisson" else Gaussian(self.sigma or None)

    def operator(self) -> GridOperator:
        """Return the operator, without noise."""
        raise NotImplementedError

    def grid(self, measured: tuple[int, ...]) -> tuple[int, ...]:
        """Return the grid of the recovery for measurements of a shape without channels."""
        return measured

    def read(self) -> Float[np.ndarray, "H W C"]:
        """Load the picture.

        Raises:
            UserError: it cannot be loaded.
        """
        return picture.Config(image=self.image, size=self.size if self.truth else 0, grey=self.grey).read()

    def problem(self, content: Float[np.ndarray, "H W C"], mask: MaskSettings) -> Problem:
        """Return the problem of recovering the picture from noisy measurements of it.

        A mask, if its rate is not 0, says which measurements are missing.

        Raises:
            UserError: the operator or the mask does not suit the picture.
        """
        operator = replace(self.operator(), noise=self.model)
        if self.truth:
            # The measurements are clean values with noise; values outside of [0, 1] are kept, as clipping biases them.
            clean = np.asarray(operator.apply(jnp.asarray(content)))
            measured = self.model.draw(np.random.default_rng(self.seed), clean)
        else:
            measured = content
        grid = self.grid(measured.shape[:-1])
        if mask.mode != "none":
            kept = draw_mask(mask, measured.shape[:-1])
            operator = replace(operator, kept=kept[..., None])
            measured = np.where(kept[..., None], measured, np.float32(0))
        domain = Domain(grid, content.shape[2])
        return Problem(domain, operator, measured, truth=content if self.truth else None)
