"""Functions of a caller as operators: any JAX function of the values on the grid."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.operators.on_grid import GridOperator


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Function(GridOperator):
    """y = A(V) for a function A that JAX can trace and differentiate.

    Its result may have any shape and be complex. An axis is added at its end, which holds the value, or the real and
    the imaginary part.
    """

    function: Callable[..., Array] = field(metadata={"static": True})
    """A: values [*grid, C], or [*grid] with `squeezed`, -> array."""
    squeezed: bool = field(default=True, metadata={"static": True})
    """Whether A takes the values without their only channel."""

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*m K"]:
        """Return A(V) with its parts on the last axis."""
        return parts(self.function(values[..., 0] if self.squeezed else values))


def parts(array: Array) -> Float[Array, "*m K"]:
    """Return an array with a last axis added that holds its value, or its real and imaginary part."""
    array = jnp.asarray(array)
    stacked = jnp.stack([array.real, array.imag], -1) if jnp.iscomplexobj(array) else array[..., None]
    return stacked.astype(jnp.float32)
