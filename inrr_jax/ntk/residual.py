"""The kernel of a residual: how fast a fit to derivatives learns each part of a signal (docs/derivatives.md).

For a residual L f - y with a linear differential operator L, gradient flow on the squared residual follows the kernel
K_L(x, x') = <d (L f)(x) / d theta, d (L f)(x') / d theta> = L_x L_x' K(x, x'), where K is the kernel of the values.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.ntk.blockwise import Kernel
from inrr_jax.ntk.networks import Apply
from inrr_jax.problem import Evaluate

Operator = Callable[[Evaluate, Float[Array, "N D"]], Float[Array, "N C"]]
"""A linear operator that acts on each channel of a signal, such as `differential.laplacian`."""


def residual_network(apply: Apply, operator: Operator) -> Apply:
    """Return (params, points) -> (L f)(points), which `contraction` and `product` take like a network."""
    return lambda params, points: operator(lambda x: apply(params, x), points)


def residual_kernel(kernel: Kernel, operator: Operator) -> Kernel:
    """Return K_L = L_x L_x' K from the kernel K of the values, for any kernel that JAX can trace.

    A kernel with one argument held is a signal with one channel for each of the held points, so that the operator
    applies to it as to any signal.

    Args:
        kernel: (params, x1, x2) -> [N, M], such as `infinite.siren`.
        operator: L.
    """

    def differentiated(params: Any, x1: Float[Array, "N D"], x2: Float[Array, "M D"]) -> Float[Array, "N M"]:
        def second(y):
            return operator(lambda x: kernel(params, x, y), x1).T

        return operator(second, x2).T

    return differentiated


def learning_rates(
    kernel: Float[Array, "N N"], points: Float[Array, "N 1"], frequencies: Sequence[float | int]
) -> Float[Array, "F"]:
    """Return v'K v / v'v of waves v = sin(pi xi x) and cos(pi xi x), averaged over both: how fast each xi is learned.

    Args:
        kernel: between the points.
        points: on a line, in [-1, 1].
        frequencies: xi, in periods per interval [-1, 1].
    """
    phases = jnp.pi * jnp.asarray(frequencies)[:, None] * points[:, 0][None, :]
    waves = jnp.stack([jnp.sin(phases), jnp.cos(phases)])
    rates = jnp.einsum("kfn,nm,kfm->kf", waves, kernel, waves) / (waves**2).sum(axis=-1)
    return rates.mean(axis=0)
