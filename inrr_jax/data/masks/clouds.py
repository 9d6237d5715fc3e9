"""Cloud-shaped regions at random places."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from inrr_jax.data.masks.mode import Rate, axis_index


def clouds(
    key: PRNGKeyArray, shape: tuple[int, ...], rate: Rate, size: int = 4, duration: int = -1, axis: int = -1
) -> Bool[Array, "*grid"]:
    """Draw a mask whose missing regions look like clouds: the highest values of smoothed white noise.

    Args:
        key: source of randomness.
        shape: number of pixels along each axis.
        rate: fraction of missing pixels, exact up to one pixel.
        size: standard deviation of the Gaussian filter in pixels; clouds are a few times as large.
        duration: standard deviation along `axis`, in frames or bands: clouds last a few times as long. 0 draws the
            clouds of every frame anew; -1 is `size`.
        axis: the axis of the duration.

    Raises:
        UserError: the grid has no such axis.
    """
    widths = [size] * len(shape)
    widths[axis_index(axis, shape)] = size if duration < 0 else duration
    noise = jnp.fft.fftn(jax.random.normal(key, shape))
    frequencies = jnp.meshgrid(
        *(width * jnp.fft.fftfreq(n) for n, width in zip(shape, widths, strict=True)), indexing="ij"
    )
    # The filter is periodic, so clouds may continue on the opposite side.
    gaussian = jnp.exp(-2 * jnp.pi**2 * jnp.sum(jnp.stack(frequencies) ** 2, axis=0))
    smooth = jnp.fft.ifftn(noise * gaussian).real
    rank = jnp.argsort(jnp.argsort(smooth.ravel())).reshape(shape)
    return (rank + 0.5) / rank.size < 1 - rate


MODES = {"clouds": clouds}
