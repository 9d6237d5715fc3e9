"""Omega without a fit: ridge regression of the observed pixels on the features of a SIREN at its start.

The last hidden layer of a network with random weights has as many features of the position as units. How well a linear
combination of them predicts held-out pixels depends on omega in the same way as the error of a fitted network, and
takes a product of matrices per candidate.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float

from inrr_jax.baselines.holdout import Split
from inrr_jax.fields.siren import Siren
from inrr_jax.problem import Problem

WIDTH, DEPTH = 512, 3
"""Of the random network: chosen among (96, 5), (384, 5), (512, 3), (512, 2) and (1024, 1) on other pictures."""
PENALTIES = 10.0 ** np.arange(-8, 0)
"""Of the ridge regression, per observed pixel."""


def errors(problem: Problem, split: Split, omegas: Sequence[float], seed: int = 0) -> Float[np.ndarray, "K"]:
    """Return the mean squared error on held-out pixels for each omega, with the best of the penalties.

    beta = (Phi^T Phi + N mu)^-1 Phi^T y, where Phi [N, 512 + 1] are the features at the N training pixels and a 1.
    """
    points = np.asarray(problem.domain.points)
    measured = np.asarray(problem.measurements).reshape(len(points), -1)
    training, held = (np.flatnonzero(np.asarray(part)) for part in split)
    network = Siren(1, WIDTH, DEPTH)
    params = network.init(jax.random.key(seed), points[:1], 1.0)
    found = []
    for omega in omegas:
        _, sown = network.apply(params, points, omega, mutable="intermediates")
        last = np.sin(np.asarray(sown["intermediates"]["pre_activation"][-1], np.float64))
        features = np.concatenate([last, np.ones((len(points), 1))], axis=1)
        found.append(_ridge(features[training], measured[training], features[held], measured[held]))
    return np.array(found)


def _ridge(features: np.ndarray, values: np.ndarray, others: np.ndarray, truth: np.ndarray) -> float:
    scale, vectors = np.linalg.eigh(features.T @ features)
    projected, places = vectors.T @ (features.T @ values), others @ vectors
    predicted = [places @ (projected / (scale + len(features) * mu)[:, None]) for mu in PENALTIES]
    return min(float(np.mean((values - truth) ** 2)) for values in predicted)
