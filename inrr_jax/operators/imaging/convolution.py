"""Convolution: a blurred signal, whose inversion is deblurring."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.errors import UserError
from inrr_jax.operators.on_grid import GridOperator


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Convolution(GridOperator):
    """y = k * V, with the values beyond the border mirrored (..., V_2, V_1 | V_1, V_2, ...).

    The sum is computed by fast Fourier transforms of the mirrored signal, for kernels of any size.
    """

    kernel: Any
    """k, with an odd number of entries along each axis; its middle belongs to the node itself."""

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*grid C"]:
        """Return the blurred values, channel by channel.

        Raises:
            UserError: the kernel does not suit the grid.
        """
        grid, reach = values.shape[:-1], self._reach(values.shape[:-1])
        padded = jnp.pad(values, [*((r, r) for r in reach), (0, 0)], mode="symmetric")
        shape, axes = padded.shape[:-1], tuple(range(len(grid)))
        # The kernel's middle is at the origin of the transform, so that the result is not shifted.
        sizes = zip(shape, self.kernel.shape, strict=True)
        around = jnp.pad(jnp.asarray(self.kernel, jnp.float32), [(0, n - k) for n, k in sizes])
        transfer = jnp.fft.rfftn(jnp.roll(around, [-r for r in reach], axes))
        blurred = jnp.fft.irfftn(jnp.fft.rfftn(padded, axes=axes) * transfer[..., None], shape, axes)
        return blurred[tuple(slice(r, r + n) for r, n in zip(reach, grid, strict=True))].astype(values.dtype)

    def _reach(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        shape = np.shape(self.kernel)
        if len(shape) != len(grid) or any(k % 2 == 0 or k // 2 > n for k, n in zip(shape, grid, strict=False)):
            raise UserError(
                f"a kernel of shape {shape} on a grid of shape {grid}: give an odd number of entries along each axis,"
                " at most twice as many as the grid has"
            )
        return tuple(k // 2 for k in shape)


def gaussian(sigma: float, dimensions: int = 2) -> Float[np.ndarray, "..."]:
    """Return a Gaussian kernel of standard deviation sigma in nodes, cut at 4 sigma, with the sum 1."""
    reach = max(1, int(np.ceil(4 * sigma)))
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return _normalised(np.prod(np.meshgrid(*[line] * dimensions, indexing="ij"), axis=0))


def motion(length: float, degrees: float) -> Float[np.ndarray, "k k"]:
    """Return the kernel of a straight motion: a line with a length in nodes and an angle to the columns."""
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1,) * 2)
    # Points along the line, far closer than the nodes, are shared among the four nodes around each of them.
    along = np.linspace(-length / 2, length / 2, max(2, int(length * 50)))
    rows, columns = (reach + along * trig(np.deg2rad(degrees)) for trig in (np.sin, np.cos))
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        i, j = np.floor(rows).astype(int) + row, np.floor(columns).astype(int) + column
        np.add.at(kernel, (i, j), (1 - abs(rows - i)) * (1 - abs(columns - j)))
    return _normalised(kernel)


def _normalised(kernel: np.ndarray) -> np.ndarray:
    return (kernel / kernel.sum()).astype(np.float32)
