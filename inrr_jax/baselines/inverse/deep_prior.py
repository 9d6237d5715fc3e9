"""The deep image prior: a convolutional network from noise to values, fitted to one set of measurements.

The network f_theta maps a fixed random array Z to values on the grid; Adam minimises misfit(A f_theta(Z + noise)), and
the fit is stopped before it recovers the noise of the measurements too (Ulyanov, Vedaldi and Lempitsky, CVPR 2018).
Here a tenth of the measurements is held out, and the running mean of the values with the smallest misfit on it is the
result. The network has fewer features than the paper's 128 on each of 5 scales, so that it suits a CPU.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from inrr_jax.baselines.inverse.choice import hold_out
from inrr_jax.problem import Domain, Problem

FEATURES = (8, 16, 16, 16)
"""Of each scale, from the grid to an eighth of it."""
SKIP = 4
"""Features that each scale passes on to its decoder."""
INPUTS = 16
"""Channels of the random array, which is uniform in [0, 0.1]."""
JITTER = 1 / 30
"""Deviation of the noise that is added to it in every step, in units of 0.1."""
RATE = 0.01
"""Of Adam."""
CHUNK = 50
"""Steps between two looks at the held-out misfit."""
CHUNKS = 20
"""Of them at most."""
PATIENCE = 4
"""Chunks without a smaller held-out misfit after which the fit ends."""
MEMORY = 0.98
"""Of the running mean of the values, per step."""


class Hourglass(nn.Module):
    """An encoder and a decoder with skips: convolutions of 3 x 3 pixels, mirrored at the border."""

    channels: int
    features: tuple[int, ...] = FEATURES

    @nn.compact
    def __call__(self, array: Float[Array, "H W I"]) -> Float[Array, "H W C"]:
        """Return the values, unbounded."""
        skips, x = [], array
        for i, count in enumerate(self.features):
            x = _block(x, count, 1 if i == 0 else 2)
            x = _block(x, count, 1)
            skips.append(_block(x, SKIP, 1, side=1))
        for count, skip in zip(self.features[::-1], skips[::-1], strict=True):
            x = jax.image.resize(x, (*skip.shape[:2], x.shape[-1]), "linear")
            x = _block(jnp.concatenate([x, skip], axis=-1), count, 1)
        return nn.Dense(self.channels)(x)


def _block(x: Float[Array, "H W I"], features: int, stride: int, side: int = 3) -> Float[Array, "h w F"]:
    """Return a convolution, normalised over the picture, with a leaky rectifier; modules need a compact method."""
    reach = side // 2
    padded = jnp.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    x = nn.Conv(features, (side, side), (stride, stride), padding="VALID")(padded[None])
    return nn.leaky_relu(nn.InstanceNorm()(x)[0], 0.2)


def deep_image_prior(problem: Problem) -> Float[np.ndarray, "H W C"]:
    """Return the values of the deep image prior with the smallest misfit on held-out measurements.

    A step takes about 0.05 s of a CPU core for 96 x 96 pixels, so that a fit takes up to a minute.

    Args:
        problem: a picture of at least 16 pixels along each axis, measured through a `GridOperator`.

    Raises:
        UserError: the operator cannot hold out measurements, or there are too few.
    """
    hidden, error_of = hold_out(problem)
    model = Hourglass(problem.domain.channels)
    keys = jax.random.split(jax.random.key(0), 3)
    array = 0.1 * jax.random.uniform(keys[0], (*problem.domain.shape, INPUTS))
    params, values = _start(keys[1], array, model, problem.domain)
    state = (params, optax.adam(RATE).init(params), values)
    best, found, worse = float("inf"), state[2], 0
    for chunk in range(CHUNKS):
        state = _fit(state, hidden.visible, array, jax.random.fold_in(keys[2], chunk), model)
        error = error_of(state[2])
        worse = 0 if error < best else worse + 1
        if error < best:
            best, found = error, state[2]
        if worse == PATIENCE:
            break
    return np.asarray(found)


@partial(jax.jit, static_argnames=("model", "domain"))
def _start(key, array: Float[Array, "H W I"], model: Hourglass, domain: Domain):
    """Return initial parameters and their values; as one program, because every layer alone is one too."""
    params = model.init(key, array)
    return params, _values(model, params, array, domain)


def _values(model: Hourglass, params, array: Float[Array, "H W I"], domain: Domain) -> Float[Array, "H W C"]:
    """Return the values within the domain's bounds."""
    found: Any = model.apply(params, array)
    return domain.squash(found.reshape(-1, found.shape[-1])).reshape(found.shape)


@partial(jax.jit, static_argnames="model")
def _fit(state, problem: Problem, array, key, model: Hourglass):
    """Take a chunk of steps of the parameters, and of the running mean of the values."""

    def loss(params, noise):
        values = _values(model, params, array + 0.1 * JITTER * noise, problem.domain)
        return problem.operator.distance(values, problem.measurements), values

    def step(carry, number):
        params, moments, mean = carry
        noise = jax.random.normal(jax.random.fold_in(key, number), array.shape)
        slope, values = jax.grad(loss, has_aux=True)(params, noise)
        updates, moments = optax.adam(RATE).update(slope, moments)
        return (optax.apply_updates(params, updates), moments, MEMORY * mean + (1 - MEMORY) * values), None

    return jax.lax.scan(step, state, jnp.arange(CHUNK))[0]
