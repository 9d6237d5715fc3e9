r"""Recovery of missing and of noisy pixels by Gaussian models of groups of similar patches.

The K patches of P pixels in a group (`patch_groups`) are taken as samples of one normal distribution, whose mean m and
covariance S are those of the present recovery. The best estimate of a patch x with the observed values y, its expected
value given these, and the variances that remain, are

    x = m + S D A^-1 D (y - m),    V = diag(S - S D A^-1 D S),    A = D S D + s^2 D + (I - D)

where D is the diagonal matrix of the patch's mask, and s^2 the variance of what no Gaussian model explains. Patches
return to their places, and overlapping ones are averaged with the weights 1 / (V + s^2): a pixel is best known from
patches in which its neighbours are observed. Without these weights about half of the gain is lost. A round estimates
all patches, and the next one searches for groups in its result. The channels of a picture have means of their own, and
share S, which then has C K samples and one factorisation.

Without missing pixels, and with noise of standard deviation s on all of them, this is Wiener's filter (`denoise`). The
covariance is then that of a pilot, a first estimate in which most of the noise is removed already.

Sources: Yu, Sapiro and Mallat, "Solving inverse problems with piecewise linear estimators", IEEE Trans. Image
Processing 2012; Lebrun, Buades and Morel, "A nonlocal Bayesian image denoising algorithm", SIAM J. Imaging Sciences
2013, for models of groups; Aguerrebere et al., "A Bayesian hyperprior approach for joint image denoising and
interpolation", IEEE Trans. Computational Imaging 2017.

Only groups whose reference patch has a missing pixel are searched for and computed, with 2 K P^3 operations each
(`normal`). If few pixels are missing, there are other groups with a member that has one; they would change the recovery
by 0.05 dB on average (docs/quality.md).
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from inrr_jax.priors import normal, patch_groups
from inrr_jax.priors.patch_groups import Geometry, Groups
from inrr_jax.types import Image, Mask

# Chosen on scikit-image's pictures (see docs/quality.md).
GEOMETRY = Geometry(side=6, spacing=4, radius=12, members=30)
NOISE = 0.01
"""s, in grey values."""
GROUPS_AT_ONCE = 4
"""Groups in a batch, whose matrices stay in the cache: 4 K P^2 floats are 608 KiB for 30 patches of 36 pixels."""
NOISY_AT_ONCE = 128
"""Groups in a batch of `denoise`; batches of 16 take a quarter longer."""


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
        groups = patch_groups.find(estimate, geometry, ~observed[..., 0])
        values, weights = weighted_sums(estimate, observed, groups, geometry)
        estimate = jnp.where(observed, estimate, (values / weights).clip(0, 1))
        yield np.asarray(estimate)


@partial(jax.jit, static_argnames="geometry")
def weighted_sums(
    estimate: Float[Array, "H W C"], observed: Bool[Array, "H W 1"], groups: Groups, geometry: Geometry
) -> tuple[Float[Array, "H W C"], Float[Array, "H W 1"]]:
    """Return the sum of all estimated patches at their places, times their weights, and the sum of the weights.

    Args:
        estimate: the present recovery, with the observed values where there are any.
        observed: True where observed.
        groups: as `patch_groups.find` returns them for the same geometry.
        geometry: of the groups.
    """
    sides = geometry.sides(estimate.shape)
    planes, mask = (jnp.moveaxis(x.astype(estimate.dtype), -1, 0) for x in (estimate, observed))

    def model(first: Int[Array, "n K"]):
        patches, variances = conditional(*(patch_groups.take(x, first, sides) for x in (planes, mask)))
        return patches, 1 / (variances + NOISE**2)

    found = patch_groups.sums(model, planes, groups, GROUPS_AT_ONCE, sides)
    return jnp.moveaxis(found[0], 0, -1), jnp.moveaxis(found[1], 0, -1)


@partial(jax.jit, static_argnames="geometry")
def denoise(
    noisy: Float[Array, "H W C"],
    pilot: Float[Array, "H W C"],
    groups: Groups,
    noise: float | Float[Array, ""],
    geometry: Geometry,
) -> Float[Array, "H W C"]:
    r"""Return the expected values of noisy patches under the Gaussian models of a pilot, averaged at their places.

    x = m + W (y - m),  W = S (S + s^2 I)^-1, with the mean m of the noisy patches y of a group and the covariance S of
    its patches in the pilot. A group counts with the weight 1 / (1 + |W|_F^2), because s^2 |W|_F^2 is the variance of
    the noise that its filter keeps. This is the second step of Lebrun, Buades and Morel (2013).

    Args:
        noisy: the picture; its channels share the groups, but not the models.
        pilot: an estimate of it without most of the noise.
        groups: as `patch_groups.find` returns them for the same geometry.
        noise: standard deviation s of the noise, in the unit of the picture.
        geometry: of the groups.
    """
    sides = geometry.sides(noisy.shape)

    def model(patches: Float[Array, "n K 2 P"]):
        values, samples = jnp.moveaxis(patches, 2, 0)
        filtering = _wiener(samples, noise**2)
        mean = values.mean(1, keepdims=True)
        weights = 1 / (1 + jnp.square(filtering).sum((1, 2)))
        return (mean + (values - mean) @ filtering)[:, :, None], weights[:, None, None, None]

    return patch_groups.averages(model, jnp.stack([noisy, pilot]), groups, NOISY_AT_ONCE, sides)


def _wiener(samples: Float[Array, "n K P"], variance: float | Float[Array, ""]) -> Float[Array, "n P P"]:
    """Return S (S + variance I)^-1 of every group, with the covariance S of its samples."""
    centred = samples - samples.mean(1, keepdims=True)
    covariance = jnp.swapaxes(centred, 1, 2) @ centred / samples.shape[1]
    noisy = covariance + variance * jnp.eye(samples.shape[2], dtype=samples.dtype)[None]
    return jnp.linalg.solve(noisy, covariance)  # both commute, so that the product is symmetric


def conditional(
    patches: Float[Array, "G K C P"], observed: Float[Array, "G K 1 P"]
) -> tuple[Float[Array, "G K C P"], Float[Array, "G K 1 P"]]:
    """Return the expected values of all patches of groups given their observed pixels, and the variances that remain.

    Args:
        patches: the present estimates; the K patches of a group are the samples of its Gaussian model.
        observed: 1 where a pixel of a patch is observed, 0 elsewhere.
    """
    count, members, _, size = patches.shape
    mean = patches.mean(1, keepdims=True)
    centred = patches - mean
    samples = centred.reshape(count, -1, size)
    shared = jnp.moveaxis(jnp.swapaxes(samples, 1, 2) @ samples, 0, -1) / samples.shape[1]
    values, seen = (jnp.einsum("gkcp->cpgk", x).reshape(-1, size, count * members) for x in (centred, observed))
    expected, variances = normal.given(jnp.repeat(shared, members, axis=-1), values, seen[0], NOISE**2)
    back = (x.reshape(-1, size, count, members) for x in (expected, variances))
    expected, variances = (jnp.einsum("cpgk->gkcp", x) for x in back)
    return mean + expected, variances
