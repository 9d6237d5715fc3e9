"""Noisy pictures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inrr_jax.data.kinds.inverse.pictures import MeasuredPicture, Scene
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.options import at_least, choice


@dataclass(frozen=True)
class Config(MeasuredPicture):
    """Options of a noisy picture."""

    name: str = choice("denoise")
    sigma: float = at_least(25 / 255, 0.0)
    """Standard deviation of Gaussian noise, for values in [0, 1]."""

    def operator(self) -> Direct:
        """Return the identity."""
        return Direct()

    def simulate(self, scene: Scene) -> Float[np.ndarray, "H W C"]:
        """Return the picture."""
        return scene.picture
