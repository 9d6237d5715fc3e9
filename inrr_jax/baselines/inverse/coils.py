"""Coil maps from the sampled lines in the middle of k-space, in NumPy."""

import numpy as np
from jaxtyping import Bool, Complex

from inrr_jax.data.scanner import centred_fft, root_sum_of_squares

KERNEL = 6
"""Side of the windows of k-space that ESPIRiT compares, as in its authors' implementation."""
LARGEST = 24
"""Entries along each axis of the block in the middle that ESPIRiT uses at most."""
RELATIVE = 0.02
"""Smallest singular value that counts as signal, relative to the largest."""
LEAST_EIGENVALUE = 0.9
"""Eigenvalue below which a place is outside of the object, and its maps are zero."""


def calibration(
    k_space: Complex[np.ndarray, "K H W"], sampled: Bool[np.ndarray, "H W"]
) -> Complex[np.ndarray, "K h w"]:
    """Return the largest block in the middle that is sampled as a whole, up to `LARGEST` entries along each axis.

    Among the blocks the one with most entries is taken: with few lines it is as wide as it may be along them.
    """
    sizes = [(h, w) for h in range(1, LARGEST + 1) for w in range(1, LARGEST + 1)]
    fitting = [size for size in sizes if sampled[_middle(sampled.shape, size)].all()]
    return k_space[(slice(None), *_middle(sampled.shape, max(fitting, key=np.prod, default=(1, 1))))]


def _middle(shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(shape, size, strict=True))


def smooth_maps(
    k_space: Complex[np.ndarray, "K H W"], sampled: Bool[np.ndarray, "H W"]
) -> Complex[np.ndarray, "K H W"]:
    """Return the coils' images of the block in the middle, tapered by Hann's window, over their root sum of squares."""
    block = calibration(k_space, sampled)
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in block.shape[1:]))
    images = _images(block * window, sampled.shape)
    return images / np.maximum(root_sum_of_squares(images), 1e-12)


def espirit(k_space: Complex[np.ndarray, "K H W"], sampled: Bool[np.ndarray, "H W"]) -> Complex[np.ndarray, "K H W"]:
    """Return the maps of ESPIRiT (Uecker et al., MRM 2014), zero outside of the object.

    The windows of the block in the middle span a space of few dimensions. At each place, the maps are the eigenvector,
    for an eigenvalue near 1, of the projection on this space (their equation 17). Unlike other implementations the
    block need not be a square, so that few lines in the middle are used along their length.

    Args:
        k_space: of all coils, zero where it is not sampled.
        sampled: True where it is sampled.
    """
    block = calibration(k_space, sampled)
    coils, side = len(block), tuple(min(KERNEL, max(1, n // 2 + 1)) for n in block.shape[1:])
    windows = np.lib.stride_tricks.sliding_window_view(block, side, axis=(1, 2))
    rows = np.moveaxis(windows, 0, 2).reshape(-1, coils * side[0] * side[1])
    _, values, vectors = np.linalg.svd(rows, full_matrices=False)
    kernels = vectors[values > RELATIVE * values[0]].reshape(-1, coils, *side)
    projection = np.zeros((*sampled.shape, coils, coils), np.complex64)
    for kernel in kernels:
        image = np.moveaxis(_images(kernel, sampled.shape), 0, -1).astype(np.complex64)
        projection += image[..., :, None] * image[..., None, :].conj()
    projection *= np.prod(sampled.shape) / np.prod(side)
    eigenvalues, eigenvectors = np.linalg.eigh(projection)
    maps = eigenvectors[..., -1] * np.exp(-1j * np.angle(eigenvectors[..., :1, -1]))
    return np.moveaxis(maps * (eigenvalues[..., -1:] > LEAST_EIGENVALUE), -1, 0)


def _images(block: Complex[np.ndarray, "K h w"], shape: tuple[int, ...]) -> Complex[np.ndarray, "K H W"]:
    """Return the images of a block in the middle of k-space with zeros around it."""
    padded = np.zeros((len(block), *shape), complex)
    padded[(slice(None), *_middle(shape, block.shape[1:]))] = block
    return centred_fft(padded, inverse=True)
