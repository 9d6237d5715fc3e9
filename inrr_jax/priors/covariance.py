"""A covariance that is learned from scattered values, and the local kriging that it gives: mean and deviation.

The model is a Gaussian process with noise, whose Matérn covariance has a length of its own along every axis. Each value
is predicted from its nearest neighbours alone, so that millions of points are feasible. The parameters maximise the
likelihood of the observed values, each given its neighbours (Vecchia, JRSS B 1988; nearest-neighbour Gaussian
processes: Datta et al., JASA 2016).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

LEARNING_NEIGHBOURS = 16
NEIGHBOURS = 32
LEARNING_POINTS = 4096
"""Observed points, drawn at random, whose likelihood is maximised."""
LARGEST_GROUP = 500
"""Points of a group beyond which some of the neighbours may belong to the same group."""
BATCH = 512
STEPS = 80
ROUNDS = 2
"""The neighbours of the second round are nearest in the distances that the first one has learned."""
RATE = 0.1
JITTER = 1e-5
"""Smallest noise as a share of the variance, which keeps covariances of near points factorisable in float32."""
BLOCK = 4096
"""Predictions that are computed at once."""


class Covariance(NamedTuple):
    """Logarithms of the parameters of k(p, q) = s (1 + √3 r) exp(-√3 r) + n [p = q], r = |(p - q) / l|."""

    lengths: Float[Array | np.ndarray, "D"]
    """Of l, one per axis."""
    variance: Float[Array | np.ndarray, ""]
    """Of s."""
    noise: Float[Array | np.ndarray, ""]
    """Of n."""


class Kriging(NamedTuple):
    """A fitted local kriging. Points are centred and scaled to a deviation of 1 per axis, values over all channels."""

    points: Float[np.ndarray, "M D"]
    values: Float[np.ndarray, "M C"]
    centre: Float[np.ndarray, "D"]
    scale: Float[np.ndarray, "D"]
    mean: Float[np.ndarray, "C"]
    deviation: float
    covariance: Covariance

    def predict(
        self, query: Float[np.ndarray, "Q D"], neighbours: int = NEIGHBOURS
    ) -> tuple[Float[np.ndarray, "Q C"], Float[np.ndarray, "Q"]]:
        """Return mean and standard deviation of new measurements at points, noise included, in the values' own units.

        Args:
            query: in the coordinates of the points that were learned from.
            neighbours: nearest observed points that a prediction uses; all if there are fewer.
        """
        if not len(query):
            return np.zeros((0, self.values.shape[1]), np.float32), np.zeros(0, np.float32)
        at = ((query - self.centre) / self.scale).astype(np.float32)
        found = nearest(self.points, at, self.covariance, min(neighbours, len(self.points)))
        blocks = [slice(start, start + BLOCK) for start in range(0, len(at), BLOCK)]
        parts = [_predict(self.covariance, at[b], self.points[found[b]], self.values[found[b]]) for b in blocks]
        mean, variance = (np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(2))
        own = self.mean + self.deviation * mean.astype(np.float64)
        return own.astype(np.float32), (self.deviation * np.sqrt(variance)).astype(np.float32)


def learn(
    points: Float[np.ndarray, "M D"],
    values: Float[np.ndarray, "M C"],
    seed: int = 0,
    groups: Int[np.ndarray, "M"] | None = None,
) -> Kriging:
    """Learn the covariance of scattered values.

    Args:
        points: different positions, at least 2, in any unit along every axis.
        values: with one covariance for all channels.
        seed: of the points that are learned from, and of the batches.
        groups: points of one group, such as the times of a station, are not predicted from each other, so that the
            covariance suits predictions far from all groups; None: every point is a group of its own.
    """
    rng = np.random.default_rng(seed)
    # In float64, because coordinates such as metres on a map may have large offsets.
    centre, scale = points.mean(axis=0), points.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    mean, deviation = values.mean(axis=0, dtype=np.float64), float(values.std(dtype=np.float64)) or 1.0
    x = ((points - centre) / scale).astype(np.float32)
    y = ((values - mean) / deviation).astype(np.float32)
    covariance = _start(x)
    groups = np.arange(len(x)) if groups is None else groups
    for _ in range(ROUNDS):
        covariance = _maximise(covariance, x, y, groups, rng)
    return Kriging(x, y, centre, scale, mean, deviation, covariance)


def nearest(
    points: Float[np.ndarray, "M D"], query: Float[np.ndarray, "Q D"], covariance: Covariance, count: int
) -> Int[np.ndarray, "Q count"]:
    """Return the indices of the `count` points that are nearest to each query in the distance r."""
    from scipy.spatial import KDTree

    lengths = np.exp(np.asarray(covariance.lengths))
    _, index = KDTree(points / lengths).query(query / lengths, count, workers=-1)
    return index.reshape(len(query), count)


def _start(x: Float[np.ndarray, "M D"]) -> Covariance:
    """Return lengths of five times the median distance of nearest neighbours, the variance 1 and little noise."""
    unit = Covariance(np.zeros(x.shape[1], np.float32), np.zeros((), np.float32), np.full((), -6, np.float32))
    some = x[: min(len(x), LEARNING_POINTS)]
    apart = np.linalg.norm(x[nearest(x, some, unit, 2)[:, 1]] - some, axis=1)
    return unit._replace(lengths=np.full_like(unit.lengths, np.log(5 * np.median(apart) + 1e-6)))


def _maximise(
    covariance: Covariance,
    x: Float[np.ndarray, "M D"],
    y: Float[np.ndarray, "M C"],
    groups: Int[np.ndarray, "M"],
    rng: np.random.Generator,
) -> Covariance:
    """Maximise the likelihood of some values, each given its neighbours in other groups, by Adam."""
    drawn = rng.permutation(len(x))[:LEARNING_POINTS]
    largest = min(int(np.bincount(groups).max()), LARGEST_GROUP)
    near = nearest(x, x[drawn], covariance, min(LEARNING_NEIGHBOURS + largest, len(x)))
    # Points of the own group go last; a stable sort keeps the others in the order of their distance.
    own = groups[near] == groups[drawn][:, None]
    count = min(LEARNING_NEIGHBOURS, near.shape[1] - largest)
    near = np.take_along_axis(near, np.argsort(own, axis=1, kind="stable"), axis=1)[:, :count]
    batches = rng.integers(0, len(drawn), (STEPS, min(BATCH, len(drawn))))
    return _adam(jax.tree.map(jnp.float32, covariance), x[drawn], y[drawn], x[near], y[near], batches)


@jax.jit
def _adam(covariance, x, y, near_x, near_y, batches):
    optimizer = optax.adam(RATE)

    def step(carry, batch):
        parameters, state = carry
        gradient = jax.grad(_negative_log_likelihood)(parameters, x[batch], y[batch], near_x[batch], near_y[batch])
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(parameters, updates), state), None

    (found, _), _ = jax.lax.scan(step, (covariance, optimizer.init(covariance)), batches)
    return found


def _negative_log_likelihood(covariance, x, y, near_x, near_y) -> Float[Array, ""]:
    mean, variance = _predict(covariance, x, near_x, near_y)
    return 0.5 * jnp.mean(jnp.log(variance)[:, None] + (y - mean) ** 2 / variance[:, None])


@jax.jit
def _predict(
    covariance: Covariance,
    x: Float[Array, "B D"],
    near_x: Float[Array, "B k D"],
    near_y: Float[Array, "B k C"],
) -> tuple[Float[Array, "B C"], Float[Array, "B"]]:
    """Return mean and variance at points given their neighbours."""
    return jax.vmap(partial(_ordinary_kriging, covariance))(x, near_x, near_y)


def _ordinary_kriging(covariance, x, near_x, near_y):
    """Return mean and variance at one point: kriging with an unknown constant mean (Cressie, 1993, section 3.2).

    With K = L Lᵀ the covariance of the neighbours, k that between them and the point, and 1 a vector of ones,
    m = 1ᵀ K⁻¹ y / 1ᵀ K⁻¹ 1, mean = m + kᵀ K⁻¹ (y - m 1), variance = s + n - kᵀ K⁻¹ k + (1 - 1ᵀ K⁻¹ k)² / 1ᵀ K⁻¹ 1.
    """
    variance, noise = jnp.exp(covariance.variance), jnp.exp(covariance.noise)
    noise = noise + JITTER * variance
    across = near_x[:, None] - near_x[None]
    matrix = variance * _matern(across, covariance) + noise * jnp.eye(near_x.shape[0])
    towards = variance * _matern(near_x - x[None], covariance)
    right = jnp.concatenate([near_y, jnp.ones((near_x.shape[0], 1)), towards[:, None]], axis=1)
    white = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(matrix), right, lower=True)
    y, one, k = white[:, :-2], white[:, -2], white[:, -1]
    precision = one @ one
    mean = (one @ y) / precision
    predicted = mean + k @ (y - one[:, None] * mean[None])
    left = variance + noise - k @ k + (1 - one @ k) ** 2 / precision
    return predicted, jnp.maximum(left, noise)


def _matern(difference: Float[Array, "*n D"], covariance: Covariance) -> Float[Array, "*n"]:
    """Return (1 + √3 r) exp(-√3 r), the Matérn correlation of order 3/2."""
    lengths = jnp.exp(covariance.lengths).reshape((1,) * (difference.ndim - 1) + (-1,))
    # The small number keeps the root's infinite slope at 0 out of the gradient.
    distance = jnp.sqrt(3 * jnp.sum((difference / lengths) ** 2, axis=-1) + 1e-12)
    return (1 + distance) * jnp.exp(-distance)
