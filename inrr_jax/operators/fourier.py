"""Parallel magnetic resonance imaging: samples of the Fourier transform of an image, as each coil sees it."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from inrr_jax.errors import UserError
from inrr_jax.operators.on_grid import GridOperator


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ParallelImaging(GridOperator):
    """y_k = M F (S_k x) for K coils: an image x, maps S_k of the coils' sensitivity, and samples M of k-space.

    All of them are complex: two channels, the real and the imaginary part. F is the discrete Fourier transform with
    orthonormal scaling, whose zero frequency and whose origin are in the middle, at index n // 2 of n: noise then has
    the same deviation in k-space and in the coils' images, in the units of the image. `kept`, [1, H, W, 1], is M.

    With given maps the signal is x, [H, W, 2]. Without, it is x and the maps, [H, W, 2 + 2 K]. An image times a
    function and maps divided by it are the same measurements. The maps are therefore divided by their root sum of
    squares, so that |x| is that of the coils' images, whatever the maps are (the convention of ESPIRiT: Uecker et al.,
    MRM 2014).
    """

    maps: Any = None
    """S, [H, W, 2 K], used as they are; None: channels 2 and on of the signal, in the order of coils."""

    def apply(self, values: Float[Array, "H W C"]) -> Float[Array, "K *m 2"]:
        """Return k-space of all coils, zero where it is not sampled."""
        spectrum = self.spectrum(self.coil_images(values))
        samples = jnp.stack([spectrum.real, spectrum.imag], axis=-1)
        return samples if self.kept is None else jnp.where(self.kept, samples, 0.0)

    def spectrum(self, images: Complex[Array, "K H W"]) -> Complex[Array, "K *m"]:
        """Return F of the images of all coils."""
        return transform(images)

    def coil_images(self, values: Float[Array, "H W C"]) -> Complex[Array, "K H W"]:
        """Return S_k x.

        Raises:
            UserError: the signal does not have the channels of an image, or of an image and maps.
        """
        if values.shape[-1] < 4 and self.maps is None or values.shape[-1] % 2:
            raise UserError(
                f"a signal with {values.shape[-1]} channels for ParallelImaging without maps: give 2 for the image and"
                " 2 for each coil"
            )
        maps = normalised(values[..., 2:]) if self.maps is None else jnp.asarray(self.maps)
        return to_complex(values[..., :2]) * to_complex(maps)

    def units(self, shape: tuple[int, ...]) -> Int[np.ndarray, "1 H W 1"]:
        """Return the number of the line of each measurement, over all coils; -1 for lines that are never held out.

        Lines are rows or columns, whichever are sampled as a whole; a mask with neither has single samples instead of
        lines. Lines that are not sampled, and those in the middle up to the first that is
        not sampled, have the number -1: without the low frequencies the image would be another one.
        """
        sampled = self.sampled(shape[1:3])
        places = np.indices(sampled.shape)
        row, column = places[0], places[1]
        down, right = (np.abs(i - n // 2) for i, n in zip((row, column), sampled.shape, strict=True))
        if (sampled == sampled[:, :1]).all():
            line, distance = row, down
        elif (sampled == sampled[:1]).all():
            line, distance = column, right
        else:
            line, distance = row * sampled.shape[1] + column, np.maximum(down, right)
        free = sampled & (distance >= (0 if sampled.all() else distance[~sampled].min()))
        numbers = np.full(sampled.shape, -1)
        numbers[free] = np.unique(line[free], return_inverse=True)[1]
        return numbers[None, :, :, None]

    def sampled(self, shape: tuple[int, ...]) -> Bool[np.ndarray, "H W"]:
        """Return where a grid of a shape is sampled in k-space."""
        return np.ones(shape, bool) if self.kept is None else np.asarray(self.kept)[0, :, :, 0]


def transform(images: Complex[Array, "*k H W"]) -> Complex[Array, "*k H W"]:
    """Return the discrete Fourier transform over the last two axes, orthonormal, with both origins in the middle."""
    shifted = jnp.fft.ifftshift(images, axes=(-2, -1))
    return jnp.fft.fftshift(jnp.fft.fft2(shifted, norm="ortho"), axes=(-2, -1))


def inverse(spectrum: Complex[Array, "*k H W"]) -> Complex[Array, "*k H W"]:
    """Return the inverse, which is also the adjoint, of `transform`."""
    shifted = jnp.fft.ifftshift(spectrum, axes=(-2, -1))
    return jnp.fft.fftshift(jnp.fft.ifft2(shifted, norm="ortho"), axes=(-2, -1))


def to_complex(values: Float[Array, "H W C"]) -> Complex[Array, "K H W"]:
    """Return pairs of channels (real, imaginary) as complex images, which are on the first axis."""
    return jnp.moveaxis(jax.lax.complex(values[..., 0::2], values[..., 1::2]), -1, 0)


def to_channels(images: Complex[Array | np.ndarray, "K H W"]) -> Float[Array, "H W C"]:
    """Return complex images as pairs of channels: the inverse of `to_complex`."""
    parts = jnp.stack([images.real, images.imag], axis=1)
    return jnp.moveaxis(parts.reshape(-1, *images.shape[1:]), 0, -1)


def normalised(maps: Float[Array, "H W C"]) -> Float[Array, "H W C"]:
    """Return maps divided by their root sum of squares over the coils; zero where all of them vanish."""
    squares = jnp.sum(maps**2, axis=-1, keepdims=True)
    return maps * jax.lax.rsqrt(squares + 1e-12)
