r"""Recovery of missing pixels by Gaussian models of groups of similar patches.

The K patches of P pixels in a group (`patch_groups`) are taken as samples of one normal distribution, whose mean m and
covariance S are those of the present recovery. The best estimate of a patch x with the observed values y, its expected
value given these, and the variances that remain, are

    x = m + S D A^-1 D (y - m),    V = diag(S - S D A^-1 D S),    A = D S D + s^2 D + (I - D)

where D is the diagonal matrix of the patch's mask, and s^2 the variance of what no Gaussian model explains. Patches
return to their places, and overlapping ones are averaged with the weights 1 / (V + s^2): a pixel is best known from
patches in which its neighbours are observed. Without these weights about half of the gain is lost. A round estimates
all patches, and the next one searches for groups in its result. The channels of a picture have means of their own, and
share S, which then has C K samples and one factorisation.

Sources: Yu, Sapiro and Mallat, "Solving inverse problems with piecewise linear estimators", IEEE Trans. Image
Processing 2012; Lebrun, Buades and Morel, "A nonlocal Bayesian image denoising algorithm", SIAM J. Imaging Sciences
2013, for models of groups; Aguerrebere et al., "A Bayesian hyperprior approach for joint image denoising and
interpolation", IEEE Trans. Computational Imaging 2017.

Only groups with a missing pixel are computed. The arithmetic of one is about 1.3 K P^3 operations, in factorisations
and triangular solutions of small matrices, which LAPACK computes one after another on a CPU.
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float, Int

from inrr_jax.priors import patch_groups
from inrr_jax.priors.patch_groups import Geometry
from inrr_jax.types import Image, Mask

# Chosen on scikit-image's pictures (see docs/quality.md).
GEOMETRY = Geometry(side=6, spacing=4, radius=12, members=30)
NOISE = 0.01
"""s, in grey values."""
GROUPS_AT_ONCE = 64
"""Groups in a batch, whose matrices stay in the cache: 64 K P^2 floats are 9.5 MiB for 30 patches of 36 pixels."""


def rounds(image: Image, mask: Mask, start: Image, geometry: Geometry = GEOMETRY) -> Iterator[Image]:
    """Yield the recovery after every round, without end.

    Args:
        image: in [0, 1]; values at missing pixels are not used and may be NaN.
        mask: True at observed pixels.
        start: the first recovery, finite at all pixels.
        geometry: of the groups.

    Yields:
        Float32 values in [0, 1], equal to `image` at observed pixels.
    """
    observed = jnp.asarray(mask)[..., None]
    known = jnp.where(observed, jnp.asarray(image, jnp.float32), 0)
    estimate = jnp.where(observed, known, jnp.asarray(start, jnp.float32))
    while True:
        groups = patch_groups.find(estimate, geometry)
        values, weights = weighted_sums(estimate, observed, groups, geometry)
        estimate = jnp.where(observed, estimate, (values / weights).clip(0, 1))
        yield np.asarray(estimate)


@partial(jax.jit, static_argnames="geometry")
def weighted_sums(
    estimate: Float[Array, "H W C"], observed: Bool[Array, "H W 1"], groups: Int[Array, "G K"], geometry: Geometry
) -> tuple[Float[Array, "H W C"], Float[Array, "H W 1"]]:
    """Return the sum of all estimated patches at their places, times their weights, and the sum of the weights.

    Args:
        estimate: the present recovery, with the observed values where there are any.
        observed: True where observed.
        groups: as `patch_groups.find` returns them for the same geometry.
        geometry: of the groups.
    """
    sides = geometry.sides(estimate.shape)
    mask = observed.astype(estimate.dtype)
    missing = patch_groups.take(mask, groups, sides).min((1, 2, 3)) < 1
    # Groups without a missing pixel come last, and batches of these alone are left out.
    batches, real = patch_groups.batches(groups[jnp.argsort(~missing)], missing.sum(), GROUPS_AT_ONCE)

    def body(number, sums):
        first = batches[number]
        known = patch_groups.take(mask, first, sides)
        patches, variances = conditional(patch_groups.take(estimate, first, sides), known)
        weights = real[number][:, None, None, None] / (variances + NOISE**2)
        parts = weights * patches, weights
        return tuple(patch_groups.add(t, first, part, sides) for t, part in zip(sums, parts, strict=True))

    return jax.lax.fori_loop(0, real.any(1).sum(), body, (jnp.zeros_like(estimate), jnp.zeros_like(mask)))


def conditional(
    patches: Float[Array, "G K C P"], observed: Float[Array, "G K 1 P"]
) -> tuple[Float[Array, "G K C P"], Float[Array, "G K 1 P"]]:
    """Return the expected values of all patches of groups given their observed pixels, and the variances that remain.

    Args:
        patches: the present estimates; the K patches of a group are the samples of its Gaussian model.
        observed: 1 where a pixel of a patch is observed, 0 elsewhere.
    """
    size = patches.shape[-1]
    mean = patches.mean(1, keepdims=True)
    centred = patches - mean
    samples = centred.reshape(len(patches), -1, size)
    covariance = (jnp.swapaxes(samples, 1, 2) @ samples)[:, None] / samples.shape[1]
    rows = jnp.swapaxes(observed, 2, 3)
    seen = rows * covariance  # D S, for every patch
    diagonal = jnp.eye(size, dtype=patches.dtype)[None, None] * (1 + (NOISE**2 - 1) * rows)
    factor = jnp.linalg.cholesky(seen * observed + diagonal)  # A = L L^T
    # One triangular solution has both: with B = L^-1 D S and b = L^-1 D (y - m), they are B^T b and diag(S - B^T B).
    right = jnp.concatenate([seen, rows * jnp.swapaxes(centred, 2, 3)], -1)
    solved = solve_triangular(factor, right, lower=True)
    correlated, misfit = solved[..., :size], solved[..., size:]
    values = mean + jnp.swapaxes(misfit, 2, 3) @ correlated
    variances = jnp.diagonal(covariance, axis1=2, axis2=3)[:, :, None] - jnp.square(correlated).sum(2, keepdims=True)
    return values, variances.clip(0)
