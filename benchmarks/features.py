"""Omega without a fit: ridge regression of the observed pixels on the features of a random SIREN.

The last hidden layer of a network with random weights gives K features of the position. Their linear combination that
fits the observed pixels best under a penalty has an error on held-out pixels, which depends on omega as that of a
trained network does:

    beta = (Phi^T Phi + N mu I)^-1 Phi^T y,   Phi [N, K + 1]: the features at N observed pixels, and a 1.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.baselines.holdout import Split
from inrr_jax.fields.siren import Siren
from inrr_jax.problem import Domain, Problem

WIDTH, DEPTH = 512, 3
"""Of the random network, whatever the size of the one that is fitted."""
MOST = 4096
"""Pixels that are drawn from those for training, and from those held out."""
PENALTIES = 10.0 ** np.arange(-8, 0)
"""Mu, of which every omega uses its best."""


def errors(problem: Problem, split: Split, omegas: Sequence[float], seed: int = 0) -> Float[np.ndarray, "K"]:
    """Return the mean squared error on held-out pixels for each omega, with the best penalty for each.

    Args:
        problem: a masked signal; its truth is not used.
        split: its observed pixels in two parts.
        omegas: frequency factors in radians, as `field.omega`.
        seed: of the random network and of the pixels drawn.
    """
    draw = np.random.default_rng(seed)
    parts = [_drawn(part, draw) for part in split]
    measured = np.asarray(problem.measurements, np.float64).reshape(-1, problem.domain.channels)
    found = []
    for omega in omegas:
        phi, other = (_features(jnp.float32(omega), index, seed, domain=problem.domain) for index in parts)
        found.append(_ridge(np.float64(phi), measured[parts[0]], np.float64(other), measured[parts[1]]))
    return np.array(found)


def _drawn(part: Bool[np.ndarray, "*grid"], draw: np.random.Generator) -> np.ndarray:
    """Return at most `MOST` indices of the pixels of a part."""
    index = np.flatnonzero(part)
    return index if len(index) <= MOST else draw.choice(index, MOST, replace=False)


@partial(jax.jit, static_argnames="domain")
def _features(omega: Float[Array, ""], index: Array, seed: int, *, domain: Domain) -> Float[Array, "N K"]:
    """Return the last hidden layer of the random network at pixels, and a column of ones."""
    points, network = domain.points[index], Siren(1, WIDTH, DEPTH)
    params = network.init(jax.random.key(seed), points[:1], 1.0)
    _, sown = network.apply(params, points, omega, mutable="intermediates")
    last = jnp.sin(sown["intermediates"]["pre_activation"][-1])
    return jnp.concatenate([last, jnp.ones((len(index), 1))], axis=1)


def _ridge(phi: np.ndarray, values: np.ndarray, other: np.ndarray, truth: np.ndarray) -> float:
    gram, right, unit = phi.T @ phi, phi.T @ values, len(phi) * np.eye(phi.shape[1])
    predicted = [other @ np.linalg.solve(gram + mu * unit, right) for mu in PENALTIES]
    return min(float(np.mean((values - truth) ** 2)) for values in predicted)
