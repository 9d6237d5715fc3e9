"""Scalar and spectral summaries of a kernel matrix: its spectrum, bandwidth, alignment with data, and change."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def spectrum(kernel: Float[Array, "N N"]) -> Float[Array, "N"]:
    """Return the eigenvalues, largest first: the rates at which gradient flow learns the eigenvectors."""
    return jnp.linalg.eigvalsh(kernel)[::-1]


def effective_bandwidth(kernel: Float[Array, "N N"]) -> Float[Array, ""]:
    """Return (tr K)^2 / tr K^2 in [1, N]: the number of functions that the kernel learns at about equal rates.

    It is 1 for a constant kernel and N for a multiple of the identity. For sinc(omega (x - x')) on an interval of
    length T it is omega T / pi, the number of functions of that bandwidth on the interval, as long as this is far
    from both 1 and N.
    """
    return jnp.trace(kernel) ** 2 / jnp.sum(kernel**2)


def alignment(kernel: Float[Array, "N N"], targets: Float[Array, "N C"]) -> Float[Array, ""]:
    """Return tr(Y^T K Y) / (|K| |Y|^2) in [0, 1], the kernel-target alignment (Cristianini et al., NeurIPS 2001).

    It is 1 if K is a multiple of y y^T, and sqrt(effective_bandwidth) / N on average over random targets.
    """
    return jnp.sum(targets * (kernel @ targets)) / (jnp.linalg.norm(kernel) * jnp.sum(targets**2))


def change(before: Float[Array, "N N"], after: Float[Array, "N N"]) -> Float[Array, ""]:
    """Return 1 - <K, K'> / (|K| |K'|) in [0, 1], the kernel distance of Fort et al. (NeurIPS 2020).

    It is 0 if one kernel is a positive multiple of the other.
    """
    return 1.0 - jnp.sum(before * after) / (jnp.linalg.norm(before) * jnp.linalg.norm(after))
