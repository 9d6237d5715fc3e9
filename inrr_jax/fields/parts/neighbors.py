"""Values in a first estimate near each pixel: the additional inputs of INR-Z (INRR, CVPR 2023, figure 1c)."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.grids import Index


def lines(estimate: Float[Array, "*grid C"], index: Index, reach: int) -> Float[Array, "N K"]:
    """Return the values of every pixel's column and row, each divided by their number.

    Args:
        estimate: the first estimate.
        index: N pixels, one index array per axis.
        reach: not used, because the lines are whole.

    Returns:
        K = (H + W) C numbers per pixel, those along the first axis first.
    """
    del reach
    found = []
    for axis in range(len(index)):
        values = jnp.moveaxis(estimate, axis, -2)[index[:axis] + index[axis + 1 :]].reshape(index[0].shape[0], -1)
        found.append(values / values.shape[-1])
    return jnp.concatenate(found, axis=-1)


def patch(estimate: Float[Array, "*grid C"], index: Index, reach: int) -> Float[Array, "N K"]:
    """Return the values of the patch around every pixel, divided by their number.

    Beyond the border the patch holds the border's values.

    Args:
        estimate: the first estimate.
        index: N pixels, one index array per axis.
        reach: pixels from the centre of the patch to its sides.

    Returns:
        K = (2 reach + 1)² C numbers per pixel, in row-major order.
    """
    grid = estimate.shape[:-1]
    offsets = np.indices((2 * reach + 1,) * len(grid)).reshape(len(grid), -1) - reach
    places = [jnp.clip(i[:, None] + o[None, :], 0, n - 1) for i, o, n in zip(index, offsets, grid, strict=True)]
    around = estimate[tuple(places)].reshape(index[0].shape[0], -1)
    return around / around.shape[-1]


FORMS = {"lines": lines, "patch": patch}
"""By the setting `field.neighbors`."""
