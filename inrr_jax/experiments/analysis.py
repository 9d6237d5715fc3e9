"""What a run shows beside its score: ranks, scales, spectra, trajectories and rates, as pure functions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def effective_rank(matrix: Float[Array, "n m"]) -> Float[Array, ""]:
    """exp(H(p)) with p = sigma / sum(sigma), H the entropy (Roy and Vetterli, EUSIPCO 2007).

    Between 1 and min(n, m); k for a matrix with k equal singular values and no others. NaN for a zero matrix.
    """
    values = jnp.linalg.svd(matrix, compute_uv=False)
    shares = values / jnp.sum(values)
    return jnp.exp(jnp.sum(jax.scipy.special.entr(shares)))


def similarity_scale(adjacency: Float[Array, "n n"]) -> Float[Array, ""]:
    """Mean |i - j| over i != j, weighted by A >= 0: how far apart, in nodes, a graph calls things similar.

    1 for the path graph, (n + 1) / 3 where all nodes are alike. NaN without edges.
    """
    nodes = jnp.arange(len(adjacency))
    distance = jnp.abs(nodes[:, None] - nodes[None, :])
    edges = jnp.where(distance > 0, adjacency, 0.0)
    return jnp.sum(edges * distance) / jnp.sum(edges)


def spectral_error(
    recovered: Float[Array, "*grid C"], truth: Float[Array, "*grid C"], bands: int
) -> Float[Array, "bands"]:
    """Relative squared error in each band of radial frequency, 1 where nothing is recovered.

        E_b = sum_{k in b} |F(x - y)_k|^2 / sum_{k in b} |F(y)_k|^2

    The bands divide [0, 1/2] cycles per pixel evenly; the last one also holds the corners of the spectrum beyond.
    NaN or inf where the truth has nothing in a band.
    """
    grid = truth.shape[:-1]
    axes = tuple(range(len(grid)))
    steps = jnp.meshgrid(*(jnp.fft.fftfreq(size) for size in grid), indexing="ij")
    radius = jnp.sqrt(sum(step**2 for step in steps))
    band = jnp.minimum(jnp.floor(2 * bands * radius), bands - 1).astype(int).reshape(-1)

    def energy(signal):
        power = jnp.sum(jnp.abs(jnp.fft.fftn(signal, axes=axes)) ** 2, axis=-1)
        return jax.ops.segment_sum(power.reshape(-1), band, bands)

    return energy(recovered - truth) / energy(truth)


def share_falling(errors: Float[Array, "T"]) -> Float[Array, ""]:
    """Share of the run's intervals in which the error falls, in [0, 1]."""
    return jnp.mean(errors[1:] < errors[:-1])


class Trajectory(NamedTuple):
    """A run's errors at the same times."""

    observed: Float[Array, "T"]
    """Mean squared error on observed entries, > 0; its smallest value counts as reached last."""
    missing: Float[Array, "T"]
    """Mean squared error on missing entries."""


def area_between(first: Trajectory, second: Trajectory) -> Float[Array, ""]:
    """Area between two trajectories, missing error over decades of observed error, where both have been.

        integral of (first.missing - second.missing) d log10(observed)

    Positive if the second has the smaller missing error at equal fit of what is observed: a trajectory is read as a
    function of the observed error, whatever time it took. Zero if the two have no observed error in common.
    """
    curves = [_by_observed(trajectory) for trajectory in (first, second)]
    low = jnp.maximum(curves[0][0][0], curves[1][0][0])
    high = jnp.maximum(jnp.minimum(curves[0][0][-1], curves[1][0][-1]), low)
    place = jnp.linspace(low, high, 1001)
    gap = jnp.interp(place, *curves[0]) - jnp.interp(place, *curves[1])
    return jnp.trapezoid(gap, place)


def _by_observed(trajectory):
    order = jnp.argsort(trajectory.observed)
    return jnp.log10(trajectory.observed[order]), trajectory.missing[order]


def cosine(first: Any, second: Any) -> Float[Array, ""]:
    """Cosine of the angle between two updates with the same tree of arrays, in [-1, 1]; NaN if one is zero."""

    def inner(a, b):
        return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)))

    return inner(first, second) / jnp.sqrt(inner(first, first) * inner(second, second))


class PowerLaw(NamedTuple):
    """The exponent of y = c x^exponent, and its 95 % confidence interval."""

    exponent: float
    low: float
    high: float


def power_law(x: Float[np.ndarray, "N"], y: Float[np.ndarray, "N"]) -> PowerLaw:
    """Measure an exponent by least squares of log y on log x.

    Args:
        x: positive, of at least two different values.
        y: positive, N >= 3; its relative errors are taken as independent, normal and of one size.
    """
    from scipy import stats

    line = stats.linregress(np.log(x), np.log(y))
    half = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    return PowerLaw(float(line.slope), float(line.slope - half), float(line.slope + half))
