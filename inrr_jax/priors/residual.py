"""What a fit leaves over at the observed pixels, filled in between them and added back."""

import numpy as np
from jaxtyping import Array, Bool, Float

from inrr_jax.baselines.contract import Fill
from inrr_jax.baselines.diffusion import biharmonic, harmonic
from inrr_jax.errors import UserError
from inrr_jax.recipes import stacking

FILLS = {"harmonic": harmonic, "biharmonic": biharmonic}


def krige(
    recovered: Float[Array | np.ndarray, "H W C"],
    image: Float[Array | np.ndarray, "H W C"],
    mask: Bool[Array | np.ndarray, "H W"],
    fill: Fill = harmonic,
) -> Float[np.ndarray, "H W C"]:
    """Return N + fill(X - N): a recovery N with its misfit at the observed pixels of X filled in everywhere.

    The network is then the trend of what geostatistics calls kriging with an external drift: it has to know only what
    the fill does not. N = 0 gives the fill itself, and an exact N comes back as it is.

    Args:
        recovered: N, in [0, 1], on the whole grid.
        image: X, in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.
        fill: a classical fill that commutes with affine maps of the values: harmonic, biharmonic, linear, or
            that of a graph.

    Returns:
        Values in [0, 1]: those of X at observed pixels.

    Raises:
        UserError: a mask without an observed pixel.
    """
    recovered, observed = np.asarray(recovered), np.asarray(mask)[..., None]
    misfit = np.where(observed, image, recovered) - recovered
    # Fills take and give [0, 1]; a misfit is in [-1, 1].
    filled = 2 * fill((1 + misfit) / 2, np.asarray(mask)) - 1
    return np.where(observed, image, np.clip(recovered + filled, 0, 1)).astype(np.float32)


def krige_by_name(
    recovered: Float[Array | np.ndarray, "*grid C"],
    image: Float[Array | np.ndarray, "*grid C"],
    mask: Bool[Array | np.ndarray, "*grid"],
    name: str,
) -> Float[np.ndarray, "*grid C"]:
    """Krige as a setting names it.

    `stacked` fills the misfit as the extension of the observed values was put together (stacking.py), in the same
    proportion; see `krige_stacked`.

    Args:
        recovered: N, in [0, 1], on the whole grid.
        image: X, in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.
        name: `none`, which gives N itself, `harmonic`, `biharmonic` or `stacked`.

    Raises:
        UserError: a mask without an observed pixel, or a signal that is no picture.
    """
    if name == "none":
        return np.asarray(recovered)
    if np.ndim(mask) != 2:
        raise UserError(f"kriging={name} is for pictures: the signal has {np.ndim(mask)} axes, not 2")
    if name in FILLS:
        return krige(recovered, image, mask, FILLS[name])
    image, mask = np.asarray(image), np.asarray(mask)
    return krige_stacked(recovered, image, mask, stacking.proportion(image, mask))


def krige_stacked(
    recovered: Float[Array | np.ndarray, "H W C"],
    image: Float[np.ndarray, "H W C"],
    mask: Bool[np.ndarray, "H W"],
    shares: Float[np.ndarray, "K"],
) -> Float[np.ndarray, "H W C"]:
    """Krige by the stack of fills, on graphs of the recovery kriged harmonically.

    Args:
        recovered: N, in [0, 1], on the whole grid.
        image: X, in [0, 1]; what it holds at missing pixels is never looked at.
        mask: True = observed.
        shares: of the fills, as `stacking.proportion` returns them.
    """
    fill = stacking.misfit_fill(krige(recovered, image, mask), shares)
    return krige(recovered, image, mask, fill)
