"""Quantities that describe a fit in more detail than its scores, as pure functions.

They measure the paper's claims: effective ranks, length scales of a similarity, errors by frequency, trajectories of
errors, and angles between gradients.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def effective_rank(matrix: Float[Array, "n m"]) -> Float[Array, ""]:
    """Return the effective rank of a matrix (Roy and Vetterli, EUSIPCO 2007).

        erank = exp(H(p)),   p = sigma / sum(sigma),   H(p) = -sum_i p_i log p_i

    Here sigma are the singular values, and H is the Shannon entropy.

    Returns:
        A number between 1 and min(n, m). It is k for a matrix whose only singular values above zero are k equal ones,
        and NaN for a zero matrix.
    """
    values = jnp.linalg.svd(matrix, compute_uv=False)
    shares = values / jnp.sum(values)
    # entr(p) = -p log p is 0 at p = 0, where the formula itself would give NaN.
    return jnp.exp(jnp.sum(jax.scipy.special.entr(shares)))


def similarity_scale(adjacency: Float[Array, "n n"]) -> Float[Array, ""]:
    """Return the mean length of the edges of a graph, weighted by their similarities.

        scale = sum_{i != j} A_ij |i - j| / sum_{i != j} A_ij

    Args:
        adjacency: similarities A >= 0 between the n nodes of an axis, in the order of their positions. The diagonal is
            ignored.

    Returns:
        A length in units of the node spacing. It is 1 for the path graph, (n + 1) / 3 for a graph whose nodes are all
        equally similar, and NaN for a graph without edges.
    """
    nodes = jnp.arange(len(adjacency))
    distance = jnp.abs(nodes[:, None] - nodes[None, :])
    edges = jnp.where(distance > 0, adjacency, 0.0)
    return jnp.sum(edges * distance) / jnp.sum(edges)


def spectral_error(
    recovered: Float[Array, "*grid C"], truth: Float[Array, "*grid C"], bands: int
) -> Float[Array, "bands"]:
    """Return the relative squared error of a recovery in each band of radial frequency.

        E_b = sum_{k in b} |F(x - y)_k|^2 / sum_{k in b} |F(y)_k|^2

    F is the discrete Fourier transform over the grid, x the recovery, y the truth and k the frequency. The bands divide
    the interval from 0 to 1/2 cycles per pixel evenly. The last band also contains the higher radial frequencies in the
    corners of the spectrum.

    Args:
        recovered: the recovery.
        truth: the true signal, of the same shape.
        bands: number of bands.

    Returns:
        One value per band, from low to high frequency: 0 for a perfect recovery, 1 for a recovery of zeros, NaN or inf
        if the truth has no energy in the band.
    """
    grid = truth.shape[:-1]
    axes = tuple(range(len(grid)))
    steps = jnp.meshgrid(*(jnp.fft.fftfreq(size) for size in grid), indexing="ij")
    radius = jnp.sqrt(sum(step**2 for step in steps))
    # The minimum moves the corners of the spectrum, at more than 1/2 cycles per pixel, into the last band.
    band = jnp.minimum(jnp.floor(2 * bands * radius), bands - 1).astype(int).reshape(-1)

    def energy(signal):
        power = jnp.sum(jnp.abs(jnp.fft.fftn(signal, axes=axes)) ** 2, axis=-1)
        return jax.ops.segment_sum(power.reshape(-1), band, bands)

    return energy(recovered - truth) / energy(truth)


def share_falling(errors: Float[Array, "T"]) -> Float[Array, ""]:
    """Return the fraction of the intervals between successive errors in which the error decreases, in [0, 1]."""
    return jnp.mean(errors[1:] < errors[:-1])


class Trajectory(NamedTuple):
    """Errors of one fit at T times during training."""

    observed: Float[Array, "T"]
    """Mean squared errors on the observed entries, above 0 and in any order."""
    missing: Float[Array, "T"]
    """Mean squared errors on the missing entries at the same times."""


def area_between(first: Trajectory, second: Trajectory) -> Float[Array, ""]:
    """Return the area between two trajectories in the plane of observed and missing error.

        area = integral of (first.missing - second.missing) d log10(observed)

    Each trajectory is read as a function from the observed to the missing error, regardless of the training time. The
    integral covers the observed errors that both trajectories have passed through.

    Returns:
        The mean gap of the missing errors times the number of decades. It is positive if the second trajectory has the
        smaller missing error where the observed errors are equal, and zero if the ranges of the observed errors do not
        overlap.
    """
    curves = [_by_observed(trajectory) for trajectory in (first, second)]
    low = jnp.maximum(curves[0][0][0], curves[1][0][0])
    high = jnp.maximum(jnp.minimum(curves[0][0][-1], curves[1][0][-1]), low)
    # Ranges that do not overlap give low = high, and with it an area of zero.
    place = jnp.linspace(low, high, 1001)
    gap = jnp.interp(place, *curves[0]) - jnp.interp(place, *curves[1])
    return jnp.trapezoid(gap, place)


def _by_observed(trajectory):
    """Return log10 of the observed errors in ascending order, as interpolation requires, and their missing errors."""
    order = jnp.argsort(trajectory.observed)
    return jnp.log10(trajectory.observed[order]), trajectory.missing[order]


def cosine(first: Any, second: Any) -> Float[Array, ""]:
    """Return the cosine of the angle between two trees of arrays, read as two long vectors.

    Args:
        first: a tree of real arrays, for example a gradient.
        second: a tree of the same structure and shapes.

    Returns:
        A number in [-1, 1]; NaN if one of the vectors is zero.
    """

    def inner(a, b):
        return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)))

    return inner(first, second) / jnp.sqrt(inner(first, first) * inner(second, second))
