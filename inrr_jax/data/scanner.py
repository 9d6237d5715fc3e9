"""A simulated scanner: the sensitivity of receiver coils, the phase of an image, sampled lines or spokes, and k-space.

Coordinates (x, y) are those of the slice, whose longest side spans [-1, 1].
"""

from collections.abc import Iterator

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

    The Fourier transform of what the coils see on a finer grid is cut to the pixels' frequencies.

    Args:
        image: brightness, at least 0.
        coils: their number.
        rng: draws the phase.
    """
    spectra = [centred_fft(one) for one in _seen(image, coils, rng)]
    cut = tuple(slice((OVERSAMPLING * n) // 2 - n // 2, (OVERSAMPLING * n) // 2 - n // 2 + n) for n in image.shape)
    return np.stack([one[cut] for one in spectra]) / OVERSAMPLING


def spokes_of(
    image: Float[np.ndarray, "H W"], coils: int, rng: np.random.Generator, frequencies: Float[np.ndarray, "R N 2"]
) -> Complex[np.ndarray, "K R N"]:
    """Return the Fourier transform of the same object at any frequencies in cycles per pixel, without noise.

    Args:
        image: brightness, at least 0.
        coils: their number.
        rng: draws the phase.
        frequencies: along rows and columns.
    """
    fine = frequencies.reshape(-1, 2) / OVERSAMPLING
    shape = tuple(OVERSAMPLING * n for n in image.shape)
    down, right = (_waves(fine[:, i], n) for i, n in enumerate(shape))
    sums = [((down @ one) * right).sum(axis=1) for one in _seen(image, coils, rng)]
    return np.stack(sums).reshape(coils, *frequencies.shape[:2]) / (OVERSAMPLING**2 * np.sqrt(image.size))


def _seen(image: Float[np.ndarray, "H W"], coils: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield what each coil sees of the object: cells of constant brightness, times maps and phase on a finer grid.

    It is therefore no product of an image and maps on the grid of pixels.
    """
    shape = tuple(OVERSAMPLING * n for n in image.shape)
    fine = np.kron(image, np.ones((OVERSAMPLING, OVERSAMPLING))) * np.exp(1j * phase(rng, shape))
    return (fine * one for one in coil_maps(coils, shape))


def spokes(count: int, samples: int) -> Float[np.ndarray, "R N 2"]:
    """Return the frequencies of spokes through the middle, each turned against the last by the golden angle.

    The angle is 111 degrees. Any number of successive spokes is then spread evenly (Winkelmann et al., IEEE TMI 2007).

    Args:
        count: R, the number of spokes.
        samples: N, from -1/2 to 1/2 cycles per pixel, the one in the middle at index N // 2.
    """
    angles = np.arange(count) * np.pi * (np.sqrt(5) - 1) / 2
    radius = (np.arange(samples) - samples // 2) / samples
    return radius[None, :, None] * np.stack([np.sin(angles), np.cos(angles)], axis=-1)[:, None, :]


def gridded(
    samples: Complex[np.ndarray, "K R N"], frequencies: Float[np.ndarray, "R N 2"], shape: tuple[int, ...]
) -> Complex[np.ndarray, "K H W"]:
    """Return the images of spokes by the adjoint transform, each sample times the area of k-space that it stands for.

    The area is |v| pi / R times the distance of samples, and a quarter of such a distance replaces |v| in the middle.
    """
    count, length = frequencies.shape[:2]
    distance = np.maximum(np.linalg.norm(frequencies, axis=-1), 1 / (4 * length)).ravel()
    area = distance * np.pi / (count * length) * np.sqrt(np.prod(shape))
    down, right = (_waves(-frequencies.reshape(-1, 2)[:, i], n) for i, n in enumerate(shape))
    return np.stack([(down * (area * one.ravel())[:, None]).T @ right for one in samples])


def _waves(frequencies: Float[np.ndarray, "m"], count: int) -> Complex[np.ndarray, "m n"]:
    """Return exp(-2 pi i v p) at the nodes of an axis, whose node n // 2 has the position 0."""
    return np.exp(-2j * np.pi * np.outer(frequencies, np.arange(count) - count // 2))


def centred_fft(image: Complex[np.ndarray, "*k H W"], inverse: bool = False) -> Complex[np.ndarray, "*k H W"]:
    """Return the orthonormal Fourier transform over the last two axes in NumPy, with both origins in the middle."""
    function = np.fft.ifft2 if inverse else np.fft.fft2
    shifted = np.fft.ifftshift(image, axes=(-2, -1))
    return np.fft.fftshift(function(shifted, norm="ortho"), axes=(-2, -1))


def root_sum_of_squares(images: Complex[np.ndarray, "K H W"]) -> Float[np.ndarray, "H W"]:
    """Return sqrt(sum_k |I_k|²), the brightness of the images of all coils together."""
    return np.sqrt((np.abs(images) ** 2).sum(axis=0))
