"""What a pixel's neighbours were in a first recovery: the further inputs of INR-Z (INRR, CVPR 2023, figure 1c)."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Index = tuple[Int[Array, "N"], ...]
"""Pixels: one integer array per axis of the grid."""


def lines(context: Float[Array, "*grid C"], index: Index, reach: int) -> Float[Array, "N K"]:
    """Return the values of every pixel's column and row, each divided by their number.

    Args:
        context: the first recovery.
        index: the pixels.
        reach: not used, as the lines are whole.

    Returns:
        K = (H + W) C numbers for each pixel, those along the first axis first.
    """
    del reach
    found = []
    for axis in range(len(index)):
        values = jnp.moveaxis(context, axis, -2)[index[:axis] + index[axis + 1 :]].reshape(index[0].shape[0], -1)
        found.append(values / values.shape[-1])
    return jnp.concatenate(found, axis=-1)


def patch(context: Float[Array, "*grid C"], index: Index, reach: int) -> Float[Array, "N K"]:
    """Return the values of the patch around every pixel, divided by their number; over the border, the border's.

    Args:
        context: the first recovery.
        index: the pixels.
        reach: pixels from the centre of the patch to its sides.

    Returns:
        K = (2 reach + 1)^2 C numbers for each pixel, in row-major order.
    """
    grid = context.shape[:-1]
    offsets = np.indices((2 * reach + 1,) * len(grid)).reshape(len(grid), -1) - reach
    places = [jnp.clip(i[:, None] + o[None, :], 0, n - 1) for i, o, n in zip(index, offsets, grid, strict=True)]
    around = context[tuple(places)].reshape(index[0].shape[0], -1)
    return around / around.shape[-1]


FORMS = {"lines": lines, "patch": patch}
