r"""A denoiser that approximates groups of similar patches by matrices of low rank.

Similar patches are not only close to each other, they also vary in few directions. The K patches of P values in a group
(`patch_groups`) are the rows of a matrix M, of which only the components above the noise are kept:

    M -> M Q,   Q = projector on the eigenvectors of M^T M with eigenvalues above  t = sigma^2 (sqrt(K) + sqrt(P))^2

This is hard thresholding of the singular values of M at sqrt(t). White noise of standard deviation sigma has no larger
ones, asymptotically (Marchenko and Pastur, Math. USSR-Sbornik 1967). Patches return to their places, where overlapping
ones are averaged: Dong, Shi and Li (IEEE Trans. Image Processing 2013); Zhang, Zhao and Gao (ibid. 2014).

The mean value of a patch is by far its largest component, and is always kept. A reflection maps the constant patch to
the first axis, and only the other P - 1 coordinates of every patch are the rows of M. (For patches of 7 x 7 pixels,
48 of them also suit a vector unit better than 49.) The projector needs no eigenvalues. With the matrix sign function,
Q = (I + sign(M^T M - t I)) / 2, and the sign is the limit of Newton and Schulz's iteration, which consists of matrix
products alone (Higham, Functions of Matrices, 2008, chapter 5); eigenvalue decompositions took about seven times as
long on two CPU cores. For each group, the arithmetic is 4 K P^2 operations for M^T M and M Q, and 4 P^3 for each
iteration. Batches of 128 groups stay in the cache: 128 K P floats are 1.4 MiB for 60 patches of 49 pixels.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.priors import patch_groups
from inrr_jax.priors.patch_groups import Geometry, Groups

RESOLUTION = 1e-3
"""Eigenvalues that differ from the threshold by less than this share of the largest difference are kept in part."""
GROUPS_AT_ONCE = 128


@partial(jax.jit, static_argnames=("geometry", "weighted"))
def denoise(
    image: Float[Array, "H W C"],
    groups: Groups,
    noise: float | Float[Array, ""],
    geometry: Geometry,
    weighted: bool = True,
) -> Float[Array, "H W C"]:
    """Approximate all groups by matrices of low rank and average the overlapping patches.

    Args:
        image: the picture; its channels share the groups, but not the projectors.
        groups: as `patch_groups.find` returns them for the same geometry.
        noise: standard deviation sigma of the noise, in the unit of the picture.
        geometry: of the groups.
        weighted: whether a group counts with the weight 1 / (1 + rank), because one that few components explain is
            more reliable (as in BM3D: Dabov et al., IEEE Trans. Image Processing 2007), or all count alike.
    """
    sides = geometry.sides(image.shape)
    edge = noise * (math.sqrt(groups.members.shape[1]) + math.sqrt(math.prod(sides)))

    def approximate(patches: Float[Array, "n K 1 P"]):
        rows = reflected(patches[:, :, 0])
        mean, others = rows[..., :1], rows[..., 1:]
        kept = projector(jnp.swapaxes(others, 1, 2) @ others, edge**2)
        rank = 1 + jnp.trace(kept, axis1=1, axis2=2) if weighted else jnp.ones(len(rows), image.dtype)
        low = reflected(jnp.concatenate([mean, others @ kept], -1))
        return low[:, :, None], 1 / rank[:, None, None, None]

    return patch_groups.averages(approximate, image[None], groups, GROUPS_AT_ONCE, sides)


def reflected(patches: Float[Array, "*n P"]) -> Float[Array, "*n P"]:
    """Return patches after Householder's reflection that maps the constant patch to the first axis, and back.

    It is H = I - 2 v v^T / |v|^2 with v = u - e, the constant unit vector u and the first axis e.
    """
    root = math.sqrt(patches.shape[-1])
    along = patches.sum(-1, keepdims=True) / root
    # A patch of one pixel has no others.
    others = patches[..., 1:] - (along - patches[..., :1]) / (root - 1 or 1)
    return jnp.concatenate([along, others], -1)


def projector(gram: Float[Array, "*n N N"], threshold: float | Float[Array, ""]) -> Float[Array, "*n N N"]:
    r"""Return the projector on the eigenvectors above a threshold, without decomposing the matrix.

    On X_0 = (A - t I) / |A - t I|_F, whose eigenvalues lie in [-1, 1],

        X_{n+1} = rho_n X_n (3 I - rho_n^2 X_n^2) / 2

    converges to the sign. rho_n = sqrt(3 / (1 + l_n + l_n^2)) is optimal if all eigenvalues are at least l_n in
    magnitude; l_0 is `RESOLUTION` (Chen and Chow, preprint ANL/MCS-P5059-0114, 2014, on scaled Newton-Schulz).

    Args:
        gram: A, symmetric and positive semi-definite.
        threshold: t, positive.
    """
    identity = jnp.eye(gram.shape[-1], dtype=gram.dtype).reshape(*(1,) * (gram.ndim - 2), *gram.shape[-2:])
    shifted = gram - threshold * identity
    sign = shifted / jnp.linalg.norm(shifted, axis=(-2, -1), keepdims=True)
    for scale in scales(RESOLUTION):
        sign = sign @ (1.5 * scale * identity - 0.5 * scale**3 * (sign @ sign))
    return (identity + sign) / 2


def scales(smallest: float) -> list[float]:
    """Return rho_n of all iterations until eigenvalues of at least the given magnitude are within 1 % of 1."""
    found = []
    while smallest < 0.99:
        found.append(math.sqrt(3 / (1 + smallest + smallest**2)))
        smallest = found[-1] * smallest * (3 - (found[-1] * smallest) ** 2) / 2
    return found
