"""Noisy pictures."""

from dataclasses import dataclass

from inrr_jax.data.kinds.inverse.pictures import MeasuredPicture
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
