"""Loads the picture and the mask that settings name, as a problem."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.data import images, masks
from inrr_jax.data.settings import DataSettings, MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.problem import Problem


def load(data: DataSettings, mask: MaskSettings) -> Problem:
    """Load a picture and its mask.

    Raises:
        UserError: one of them cannot be loaded, or the mask leaves nothing missing or nothing observed.
    """
    return load_all([(data, mask)])[0]


def load_all(pairs: Sequence[tuple[DataSettings, MaskSettings]]) -> list[Problem]:
    """Load many pictures and masks, each picture once.

    Raises:
        UserError: as `load` does.
    """
    pictures = {data: load_image(data) for data in {data for data, _ in pairs}}
    problems = []
    for data, mask in pairs:
        image = pictures[data]
        problems.append(masked(image, load_mask(mask, image.shape[:2]), truth=data.truth))
    return problems


def load_image(settings: DataSettings) -> Float[np.ndarray, "H W C"]:
    """Load a picture in the size and colours of the settings.

    Raises:
        UserError: it cannot be loaded.
    """
    image = images.load(settings.image, grey=settings.grey)
    height, width = image.shape[:2]
    if settings.size in (0, max(height, width)):
        return image
    scale = settings.size / max(height, width)
    return images.resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def load_mask(settings: MaskSettings, shape: tuple[int, ...]) -> Bool[np.ndarray, "*grid"]:
    """Draw or load a mask.

    Raises:
        UserError: it cannot be loaded, or it leaves nothing missing or nothing observed.
    """
    names = settings.mode.split("+")
    if settings.path and "file" not in names:
        raise UserError(f"mask.path={settings.path} is read by mask.mode=file only, not by {settings.mode}")
    drawn = "+".join(name for name in names if name != "file")
    mask = _load_file(settings, shape) if "file" in names else np.ones(shape, bool)
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
            f"nothing is {'missing' if mask.all() else 'observed'} of {' x '.join(map(str, shape))} pixels with "
            f"mask.mode={settings.mode}, mask.rate={settings.rate} and mask.size={settings.size}: give another rate, "
            "size or mode"
        )
    return mask


def _load_file(settings: MaskSettings, shape: tuple[int, ...]) -> Bool[np.ndarray, "*grid"]:
    if not settings.path:
        raise UserError("mask.mode=file needs mask.path: give the path of a mask picture or .npy array")
    return masks.load(settings.path, shape, threshold=settings.threshold, observed=settings.observed)
