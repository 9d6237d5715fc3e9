"""What pictures measured through an operator share: their options, and how the measurements are made or read.

Measurements are simulated from a scene that is twice as fine as the recovery, and by NumPy and SciPy instead of the
operator: data that the operator itself had made would be recovered better than any real ones are.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.data import images
from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds import picture
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.noise import Gaussian, Noise, Poisson
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem

FINER = 2
"""Pixels of a scene per pixel of the recovery, along each axis."""


class Scene(NamedTuple):
    """A picture, and what measurements of it are made from."""

    picture: Float[np.ndarray, "H W C"]
    """On the grid of the recovery; or the measurement itself."""
    fine: Float[np.ndarray, "H2 W2 C"] | None
    """With `FINER` pixels per pixel of the picture, along each axis; None if the picture is the measurement."""


@dataclass(frozen=True)
class MeasuredPicture(DataConfig):
    """Options of every picture that is measured through an operator.

    Each kind defines `operator`, `simulate` and `grid`.

    With `truth` the picture is the true one, from which measurements are simulated. Without it, the picture is the
    measurement itself: a noisy, a small or a blurred photograph.
    """

    instead: ClassVar = {"path": "image", "source": "image"}
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

    def simulate(self, scene: Scene) -> Float[np.ndarray, "*m C"]:
        """Return the measurements of a scene without noise, computed without the operator."""
        raise NotImplementedError

    def grid(self, measured: tuple[int, ...]) -> tuple[int, ...]:
        """Return the grid of the recovery for measurements of a shape without channels."""
        return measured

    def read(self) -> Scene:
        """Load the picture, and the scene in twice its resolution if measurements are to be simulated.

        A file with too few pixels for the scene is enlarged: the scene then has no detail that the picture lacks.

        Raises:
            UserError: it cannot be loaded.
        """
        original = picture.Config(image=self.image, grey=self.grey)
        if not self.truth:
            return Scene(original.read(), None)
        small = replace(original, size=self.size).read()
        height, width = small.shape[:2]
        return Scene(small, images.resize(original.read(), (FINER * height, FINER * width)))

    def problem(self, content: Scene, mask: MaskSettings) -> Problem:
        """Return the problem of recovering the picture from noisy measurements of it.

        A mask, if its rate is not 0, says which measurements are missing.

        Raises:
            UserError: the operator or the mask does not suit the picture.
        """
        operator = replace(self.operator(), noise=self.model)
        if self.truth:
            # The measurements are clean values with noise; values outside of [0, 1] are kept, as clipping biases them.
            measured = self.model.draw(np.random.default_rng(self.seed), self.simulate(content))
        else:
            measured = content.picture
        grid = self.grid(measured.shape[:-1])
        if mask.mode != "none":
            kept = draw_mask(mask, measured.shape[:-1])
            operator = replace(operator, kept=kept[..., None])
            measured = np.where(kept[..., None], measured, np.float32(0))
        domain = Domain(grid, content.picture.shape[2])
        return Problem(domain, operator, measured, truth=content.picture if self.truth else None)


def means(values: Float[np.ndarray, "H W C"], side: int) -> Float[np.ndarray, "h w C"]:
    """Return the means over square blocks of pixels, whose side divides the picture's."""
    height, width, channels = values.shape
    return values.reshape(height // side, side, width // side, side, channels).mean(axis=(1, 3))
