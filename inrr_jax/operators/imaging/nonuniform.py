"""Parallel magnetic resonance imaging along any trajectory: spokes, spirals, or single samples off the grid."""

import functools
import importlib.util
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from inrr_jax.operators.fourier import ParallelImaging


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class NonUniformImaging(ParallelImaging):
    """y_k(v) = (H W)^(-1/2) sum_p S_k(p) x(p) exp(-2 pi i v . p) for readouts of samples at frequencies v.

    Positions p are in pixels from the node in the middle, at index n // 2 of n, so that at the frequencies of the grid
    these are the measurements of `ParallelImaging`. `kept` has the shape [1, R, 1, 1].

    If jax-finufft is installed, it computes the sums on a CPU, up to the rounding of the values (Barnett, Magland and
    af Klinteberg, SIAM J. Sci. Comput. 2019). Otherwise they are two matrix products, because the exponential is a
    product of one of the row and one of the column: exact, and 5 to 10 times as slow (docs/inverse_mri.md).
    """

    frequencies: Any
    """v, [R, N, 2], in cycles per pixel along rows and columns, from -1/2 to 1/2, for R readouts of N samples."""

    def spectrum(self, images: Complex[Array, "K H W"]) -> Complex[Array, "K R N"]:
        """Return the sums for the images of all coils."""
        sums = (fast_sums if has_finufft() else exact_sums)(images, jnp.asarray(self.frequencies))
        return sums / np.sqrt(images[0].size).astype(images.real.dtype)

    def units(self, shape: tuple[int, ...]) -> Int[np.ndarray, "1 R 1 1"]:
        """Return the number of the readout of each measurement: those of all coils are held out together."""
        return np.arange(shape[1]).reshape(1, -1, 1, 1)

    def sampled(self, shape: tuple[int, ...]) -> Bool[np.ndarray, "H W"]:
        """Return the frequencies of the grid that are nearest to a sample of a kept readout."""
        kept = np.True_ if self.kept is None else np.asarray(self.kept)[0, :, 0, 0]
        chosen = np.asarray(self.frequencies)[np.broadcast_to(kept, len(self.frequencies))].reshape(-1, 2)
        found = np.zeros(shape, bool)
        places = (np.rint(chosen[:, i] * n).astype(int) + n // 2 for i, n in enumerate(shape))
        found[tuple(place.clip(0, n - 1) for place, n in zip(places, shape, strict=True))] = True
        return found


@functools.cache
def has_finufft() -> bool:
    """Return whether jax-finufft is installed and the device is a CPU, for which its wheels are built."""
    return importlib.util.find_spec("jax_finufft") is not None and jax.default_backend() == "cpu"


def fast_sums(images: Complex[Array, "K H W"], frequencies: Float[Array, "R N 2"]) -> Complex[Array, "K R N"]:
    """Return sum_p I_k(p) exp(-2 pi i v . p) by jax-finufft, whose error is that of the values' precision."""
    from jax_finufft import nufft2

    angles = 2 * np.pi * frequencies.reshape(-1, 2)
    tolerance = 1e-6 if images.dtype == jnp.complex64 else 1e-12
    sums = nufft2(images, angles[:, 0], angles[:, 1], eps=tolerance, iflag=-1)
    return sums.reshape(len(images), *frequencies.shape[:2])


def exact_sums(images: Complex[Array, "K H W"], frequencies: Float[Array, "R N 2"]) -> Complex[Array, "K R N"]:
    """Return the same sums by matrix products with the exponentials of rows and of columns."""
    down, right = (waves(frequencies[..., axis], images.shape[1 + axis]) for axis in (0, 1))
    sums = jnp.einsum("rnh,khw->krnw", down, images, precision="highest")
    return jnp.einsum("krnw,rnw->krn", sums, right, precision="highest")


def waves(frequencies: Float[Array, "*m"], count: int) -> Complex[Array, "*m n"]:
    """Return exp(-2 pi i v p) at the positions p = -(n // 2), ... of n nodes, in pixels."""
    places = (jnp.arange(count) - count // 2).reshape((1,) * frequencies.ndim + (-1,))
    turns = frequencies[..., None] * places
    angles = -2 * np.pi * (turns - jnp.round(turns))
    return jax.lax.complex(jnp.cos(angles), jnp.sin(angles))
