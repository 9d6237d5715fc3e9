r"""Completion of whole fibers by similar patches: positions are the pixels of a picture, and fibers their channels.

Where whole spectra or time courses are missing, the mask changes along two axes alone, those of the positions, and the
signal is a picture X [H, W, K] with K values per pixel. Its principal components,

    X = m + sum_r z_r v_r^T,   with the mean m and the right singular vectors v_r of the observed spectra,

are filled by graphs of patches (`patch_fill.chain`). The patches compare the leading components, which hold most of
the variance; the others, which are mostly noise, are filled by the Laplace equation. A matrix is a picture with one
component.
"""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.holdout import changing_axes
from inrr_jax.baselines.patch_fill import chain, first_estimate
from inrr_jax.baselines.tensors.contract import Observed, Spacing, Values, completing
from inrr_jax.errors import UserError

COMPONENTS = 3
"""Leading components whose patches are compared. With 1 and 8, the recoveries of three development signals (the fibers
of docs/completion.md) are up to 0.5 and 0.1 dB worse."""


@completing
def patches(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Fill the components of the fibers with the mean of three fills on graphs of patches. The spacing is not used.

    Raises:
        UserError: the mask changes along more than two axes, or the signal has one axis.
    """
    axes = changing_axes(mask)
    if mask.ndim < 2 or len(axes) > 2:
        raise UserError(f"patches under a mask that changes along the axes {axes}: give one that changes along two")
    axes += [axis for axis in range(mask.ndim) if axis not in axes][: 2 - len(axes)]
    others = [axis for axis in range(values.ndim) if axis not in axes]
    turned = np.transpose(values, axes + others)
    seen = np.transpose(mask, axes + others[:-1]).reshape(*turned.shape[:2], -1)[..., 0]
    filled = _fill(turned.reshape(*turned.shape[:2], -1), seen).reshape(turned.shape)
    return np.transpose(filled, np.argsort(axes + others))


def _fill(picture: Float[np.ndarray, "H W K"], seen: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "H W K"]:
    """Return the picture whose components are filled; they stay in the range of the observed ones."""
    observed = picture[seen].astype(np.float64)
    mean = observed.mean(0)
    vectors = np.linalg.svd(observed - mean, full_matrices=False)[2]
    components = np.where(seen[..., None], (picture - mean) @ vectors.T, 0)
    low, high = components[seen].min(), components[seen].max()
    scale = high - low or 1.0  # of equal spectra all components are zero
    image = ((components - low) / scale).astype(np.float32)
    filled, leading = harmonic(image, seen), image[..., :COMPONENTS]
    filled[..., :COMPONENTS] = np.mean(chain(leading, seen, first_estimate(leading, seen)), axis=0)
    return mean + (low + scale * filled) @ vectors
