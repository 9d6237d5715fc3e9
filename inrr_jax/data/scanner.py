"""A simulated scanner: the sensitivity of receiver coils, the phase of an image, sampled lines and k-space with noise.

Coordinates (x, y) are those of the slice, whose longest side spans [-1, 1].
"""

import numpy as np
from jaxtyping import Bool, Complex, Float

from inrr_jax import grids

RADIUS = 1.5
"""Distance of the coils from the centre of the slice."""
LOOP = 0.5
"""Radius of a coil, a circular loop of wire."""
SEGMENTS = 24
"""Points on a loop. The wire is further from the slice than they are from each other, so that more change nothing."""
OVERSAMPLING = 2
"""Cells of the simulated object along each side of a pixel: it has detail that no pixel resolves."""
OUTER = 0.2
"""Density of random lines at the edge of k-space, where 1 is that in the middle."""


def coil_maps(count: int, shape: tuple[int, ...]) -> Complex[np.ndarray, "K H W"]:
    """Return the sensitivity of loops around a slice by the law of Biot and Savart.

    A coil sees B_x - i B_y of the field B(p) = sum_q dl_q x (p - q) / |p - q|³ that a current in it would have (Roemer
    et al., MRM 1990). The loops stand on a circle around the slice and face its centre.

    Args:
        count: K, the number of coils.
        shape: (H, W), the nodes of a grid.
    """
    down, right = grids.axes(shape)
    y, x = (a.astype(np.float64) for a in np.meshgrid(down, right, indexing="ij"))
    maps = np.zeros((count, *shape), complex)
    turns = 2 * np.pi * (np.arange(SEGMENTS) + 0.5) / SEGMENTS
    for one, angle in zip(maps, 2 * np.pi * (np.arange(count) + 0.5) / count, strict=True):
        across = np.array([-np.sin(angle), np.cos(angle)])
        for turn in turns:
            wire = RADIUS * np.array([np.cos(angle), np.sin(angle)]) + LOOP * np.cos(turn) * across
            along = -LOOP * np.sin(turn) * across
            dx, dy, dz = x - wire[0], y - wire[1], -LOOP * np.sin(turn)
            cubed = (dx**2 + dy**2 + dz**2) ** 1.5
            vertical = LOOP * np.cos(turn)
            one += (along[1] * dz - vertical * dy - 1j * (vertical * dx - along[0] * dz)) / cubed
    return maps / np.sqrt((np.abs(maps) ** 2).sum(axis=0)).max()


def phase(rng: np.random.Generator, shape: tuple[int, ...]) -> Float[np.ndarray, "H W"]:
    """Return a smooth random phase in radians: a polynomial of degree 3 with normal coefficients."""
    down, right = (a.astype(np.float64) for a in grids.axes(shape))
    coefficients = np.where(np.add.outer(range(4), range(4)) <= 3, rng.normal(size=(4, 4)), 0.0)
    return np.asarray(np.polynomial.polynomial.polygrid2d(down, right, coefficients))


def sampled_lines(
    rng: np.random.Generator, count: int, acceleration: float, centre: int, pattern: str
) -> Bool[np.ndarray, "n"]:
    """Return which of `count` lines are sampled: count / acceleration, the ones in the middle among them.

    Args:
        rng: draws the others.
        count: n, the lines of k-space.
        acceleration: R >= 1.
        centre: adjacent lines in the middle.
        pattern: `uniform`: the others are as far from each other as they can, from a random one on; `random`: they are
            drawn with a density that falls linearly from the middle to the edge.
    """
    sampled = np.zeros(count, bool)
    start = (count + 1) // 2 - centre // 2 if centre % 2 else count // 2 - centre // 2
    sampled[start : start + centre] = True
    others = np.flatnonzero(~sampled)
    more = min(max(round(count / acceleration) - centre, 0), len(others))
    if pattern == "uniform":
        places = (np.arange(more) + rng.uniform()) * len(others) / max(more, 1)
        sampled[others[places.astype(int)]] = True
    else:
        density = 1 - (1 - OUTER) * np.abs(others - count // 2) / (count / 2)
        sampled[rng.choice(others, more, replace=False, p=density / density.sum())] = True
    return sampled


def k_space(image: Float[np.ndarray, "H W"], coils: int, rng: np.random.Generator) -> Complex[np.ndarray, "K H W"]:
    """Return all of k-space of an image as simulated coils see it, without noise.

    The object is the image as cells of constant brightness, times maps and phase on a finer grid, whose Fourier
    transform is cut to the pixels' frequencies. It is therefore no product of an image and maps on the grid of pixels.

    Args:
        image: brightness, at least 0.
        coils: their number.
        rng: draws the phase.
    """
    fine = np.kron(image, np.ones((OVERSAMPLING, OVERSAMPLING))) * np.exp(
        1j * phase(rng, tuple(OVERSAMPLING * n for n in image.shape))
    )
    spectra = [centred_fft(fine * one) for one in coil_maps(coils, fine.shape)]
    cut = tuple(slice((OVERSAMPLING * n) // 2 - n // 2, (OVERSAMPLING * n) // 2 - n // 2 + n) for n in image.shape)
    return np.stack([one[cut] for one in spectra]) / OVERSAMPLING


def centred_fft(image: Complex[np.ndarray, "*k H W"], inverse: bool = False) -> Complex[np.ndarray, "*k H W"]:
    """Return the orthonormal Fourier transform over the last two axes in NumPy, with both origins in the middle."""
    function = np.fft.ifft2 if inverse else np.fft.fft2
    shifted = np.fft.ifftshift(image, axes=(-2, -1))
    return np.fft.fftshift(function(shifted, norm="ortho"), axes=(-2, -1))


def root_sum_of_squares(images: Complex[np.ndarray, "K H W"]) -> Float[np.ndarray, "H W"]:
    """Return sqrt(sum_k |I_k|²), the brightness of the images of all coils together."""
    return np.sqrt((np.abs(images) ** 2).sum(axis=0))
