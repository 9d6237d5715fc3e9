r"""Recovery of missing pixels by low-rank patch groups with feedback.

Denoising a recovery and restoring its observed pixels, again and again, needs a threshold that falls from round to
round: a strong one removes detail, also at the observed pixels, and a weak one does little. The alternating direction
method (split Bregman) feeds back what was removed instead. With the denoiser D at a constant strength, the observed
values Y on Omega, and the scaled dual variable C, a round is

    U <- (Y + mu (W + C)) / (1 + mu)  on Omega,   W + C  elsewhere
    W <- D(U - C),     C <- C + W - U

C remains zero at missing pixels and accumulates the errors of W at observed ones, until these are explained. This is
GSR: Zhang, Zhao and Gao, "Group-based sparse representation for image restoration", IEEE Trans. Image Processing 2014,
algorithm 2, for any start and any groups.
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.priors import low_rank, patch_groups
from inrr_jax.priors.patch_groups import Geometry, Groups
from inrr_jax.types import Image, Mask

MU = 2.5e-3
"""Weight of W at observed pixels in U, the paper's."""

# The values of the recipe were chosen on scikit-image's pictures (see docs/quality.md). A search for groups in every
# round, as in the paper, does not improve the recovery.
GEOMETRY = Geometry(side=7, spacing=5, radius=20, members=60)
NOISE = 0.033
REGROUP = 2


def rounds(
    image: Image,
    mask: Mask,
    start: Image,
    geometry: Geometry = GEOMETRY,
    noise: float = NOISE,
    *,
    regroup: int = REGROUP,
) -> Iterator[Image]:
    """Yield the recovery after every round, without end.

    Args:
        image: in [0, 1]; values at missing pixels are not used and may be NaN.
        mask: True at observed pixels.
        start: the first W, finite at all pixels.
        geometry: of the patch groups.
        noise: sigma of the denoiser, in grey values; see `low_rank`.
        regroup: rounds after which the groups are searched for again.

    Yields:
        Float32 values in [0, 1], equal to `image` at observed pixels.
    """
    observed = jnp.asarray(mask)[..., None]
    known = jnp.where(observed, jnp.asarray(image, jnp.float32), 0)
    estimate, dual, number = jnp.asarray(start, jnp.float32), jnp.zeros(known.shape, jnp.float32), 0
    while True:
        mixed = mix(known, observed, estimate, dual)
        if number % regroup == 0:
            groups = patch_groups.find(mixed - dual, geometry)
        estimate, dual = advance(mixed, dual, groups, noise, geometry)
        number += 1
        yield np.asarray(jnp.where(observed, known, estimate.clip(0, 1)))


@jax.jit
def mix(
    known: Float[Array, "H W C"],
    observed: Bool[Array, "H W 1"],
    estimate: Float[Array, "H W C"],
    dual: Float[Array, "H W C"],
) -> Float[Array, "H W C"]:
    """Return U from Y, Omega, W and C."""
    pulled = estimate + dual
    return jnp.where(observed, (known + MU * pulled) / (1 + MU), pulled)


@partial(jax.jit, static_argnames="geometry")
def advance(
    mixed: Float[Array, "H W C"],
    dual: Float[Array, "H W C"],
    groups: Groups,
    noise: float | Float[Array, ""],
    geometry: Geometry,
) -> tuple[Float[Array, "H W C"], Float[Array, "H W C"]]:
    """Return the next W and C from U, C and the groups."""
    estimate = low_rank.denoise(mixed - dual, groups, noise, geometry, weighted=False)
    return estimate, dual + estimate - mixed
