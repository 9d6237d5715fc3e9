"""Draws or loads the mask that settings describe."""

import jax
import numpy as np
from jaxtyping import Bool

from inrr_jax.data import masks
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError


def draw_mask(
    settings: MaskSettings, shape: tuple[int, ...], known: Bool[np.ndarray, "*grid"] | None = None
) -> Bool[np.ndarray, "*grid"]:
    """Return the mask of a grid.

    Args:
        settings: of the mask.
        shape: of the grid, without channels.
        known: the entries that the data have, True where known; the others are missing under every mask. None: all.

    Raises:
        UserError: it cannot be loaded, or it leaves nothing missing or nothing observed.
    """
    names = settings.mode.split("+")
    if settings.path and "file" not in names:
        raise UserError(f"mask.path={settings.path} is read by mask.mode=file only, not by {settings.mode}")
    drawn = "+".join(name for name in names if name not in ("file", "none"))
    mask = np.ones(shape, bool) if known is None else known
    if "file" in names:
        mask = mask & _load_file(settings, shape)
    if drawn:
        drawn_mask = masks.make(
            jax.random.key(settings.seed),
            shape,
            drawn,
            settings.rate,
            size=settings.size,
            profile=settings.profile,
            axis=settings.axis,
            duration=settings.duration,
        )
        mask = mask & np.asarray(drawn_mask)
    if mask.all() or not mask.any():
        raise UserError(
            f"nothing is {'missing' if mask.all() else 'observed'} of {' x '.join(map(str, shape))} entries with "
            f"mask.mode={settings.mode}, mask.rate={settings.rate} and mask.size={settings.size}: give another rate, "
            "size or mode"
        )
    return mask


def _load_file(settings: MaskSettings, shape: tuple[int, ...]) -> Bool[np.ndarray, "*grid"]:
    if not settings.path:
        raise UserError("mask.mode=file needs mask.path: give the path of a mask picture or .npy array")
    return masks.load(settings.path, shape, threshold=settings.threshold, observed=settings.observed)
