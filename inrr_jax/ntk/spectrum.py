"""What a kernel matrix says: its spectrum, how many functions it tells apart, and how it fits the data."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def spectrum(kernel: Float[Array, "N N"]) -> Float[Array, "N"]:
    """Return the eigenvalues, largest first: the rates at which gradient flow learns the eigenvectors."""
    return jnp.linalg.eigvalsh(kernel)[::-1]


def effective_bandwidth(kernel: Float[Array, "N N"]) -> Float[Array, ""]:
    """(tr K)^2 / tr K^2: how many functions the kernel learns at about equal rates, from 1 to N.

    1 for a constant kernel, N for a multiple of the identity. For sinc(omega (x - x')) on an interval of length T it
    is omega T / pi, the number of functions of that bandwidth on that interval, as long as this is far from 1 and N.
    """
    return jnp.trace(kernel) ** 2 / jnp.sum(kernel**2)


def alignment(kernel: Float[Array, "N N"], targets: Float[Array, "N C"]) -> Float[Array, ""]:
    """tr(Y^T K Y) / (|K| |Y|^2) in [0, 1] (Cristianini et al., NeurIPS 2001): 1 if K is a multiple of y y^T.

    For random targets it is sqrt(effective_bandwidth) / N on average.
    """
    return jnp.sum(targets * (kernel @ targets)) / (jnp.linalg.norm(kernel) * jnp.sum(targets**2))


def change(before: Float[Array, "N N"], after: Float[Array, "N N"]) -> Float[Array, ""]:
    """1 - <K, K'> / (|K| |K'|) in [0, 1], blind to scale (kernel distance of Fort et al., NeurIPS 2020)."""
    return 1.0 - jnp.sum(before * after) / (jnp.linalg.norm(before) * jnp.linalg.norm(after))
