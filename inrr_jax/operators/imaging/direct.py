"""Direct measurements: the values of the signal itself, with noise."""

from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from inrr_jax.operators.on_grid import GridOperator


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Direct(GridOperator):
    """y = V + noise at the kept entries: denoising, and inpainting of noisy values."""

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*grid C"]:
        """Return the values."""
        return values
