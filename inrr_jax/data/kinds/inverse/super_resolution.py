"""Pictures of a low resolution: averages over blocks of pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inrr_jax.data.kinds.inverse.pictures import FINER, MeasuredPicture, Scene, means
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.options import at_least, choice


@dataclass(frozen=True)
class Config(MeasuredPicture):
    """Options of a picture of a low resolution."""

    name: str = choice("super_resolution")
    factor: int = at_least(2, 1)
    """Side of the blocks in pixels of the recovery."""

    def operator(self) -> AreaAverage:
        """Return the averages over blocks."""
        return AreaAverage((self.factor, self.factor))

    def simulate(self, scene: Scene) -> Float[np.ndarray, "h w C"]:
        """Return the means over blocks of the fine scene, of which the picture itself has samples, and no means."""
        assert scene.fine is not None
        return means(scene.fine, FINER * self.factor)

    def grid(self, measured: tuple[int, ...]) -> tuple[int, ...]:
        """Return the grid of the recovery, `factor` times as fine as the measurements."""
        return tuple(n * self.factor for n in measured)

    def read(self) -> Scene:
        """Load the picture and the scene; both are cut to a multiple of the factor.

        Raises:
            UserError: it cannot be loaded.
        """
        scene = super().read()
        if scene.fine is None:
            return scene
        height, width = (max(n // self.factor, 1) * self.factor for n in scene.picture.shape[:2])
        return Scene(scene.picture[:height, :width], scene.fine[: FINER * height, : FINER * width])
