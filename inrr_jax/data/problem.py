"""A recovery problem: a picture, and which of its pixels are observed."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.data import images, masks
from inrr_jax.errors import UserError
from inrr_jax.settings import DataSettings, MaskSettings, Settings
from inrr_jax.types import Signal


class Problem(NamedTuple):
    """What a fit is given, and what it is judged by."""

    image: Float[np.ndarray, "H W C"]
    """Values in [0, 1]; those of missing pixels are the truth, or junk where there is none."""
    mask: Bool[np.ndarray, "H W"]
    """True where observed."""
    context: Float[np.ndarray, "H W C"] | None = None
    """The recovery of a first fit, for the fields that need one."""
    extension: Float[np.ndarray, "H W C"] | None = None
    """The observed values, continued where nothing is observed, for the term `extension`."""

    @property
    def signal(self) -> Signal:
        """The part that a fit may see."""
        context, extension = (None if x is None else jnp.asarray(x) for x in (self.context, self.extension))
        return Signal(jnp.where(self.mask[..., None], self.image, 0.0), jnp.asarray(self.mask), context, extension)

    @property
    def digest(self) -> str:
        """A short name of the contents: equal for equal pictures and masks."""
        parts = (str(self.image.shape).encode(), self.image.tobytes(), self.mask.tobytes())
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def load(settings: Settings) -> Problem:
    """Load the picture and the mask that the settings name.

    Raises:
        UserError: anything wrong with either, or a picture too small for the fibres that a step draws.
    """
    return load_all([settings])[0]


def load_all(many: Sequence[Settings]) -> list[Problem]:
    """Load the pictures and masks that all these settings name, each picture once.

    Raises:
        UserError: as `load` does.
    """
    pictures = {data: _load_image(data) for data in {settings.data for settings in many}}
    problems = []
    for settings in many:
        image = pictures[settings.data]
        check_size(image.shape[:2], settings)
        problems.append(Problem(image, _load_mask(settings.mask, image.shape[:2])))
    return problems


def check_size(shape: tuple[int, int], settings: Settings) -> None:
    """Refuse a picture that has fewer rows or columns than a step draws.

    Raises:
        UserError: it has.
    """
    if min(shape) < max(2, settings.train.fibers):
        raise UserError(
            f"the picture is {shape[0]} x {shape[1]}, too small for train.fibers={settings.train.fibers}: give a larger"
            " one, or fewer fibres (0 takes the whole grid every step), and at least 2 x 2"
        )


def _load_image(settings: DataSettings) -> Float[np.ndarray, "H W C"]:
    image = images.load(settings.image, grey=settings.grey)
    height, width = image.shape[:2]
    if settings.size in (0, max(height, width)):
        return image
    scale = settings.size / max(height, width)
    return images.resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def _load_mask(settings: MaskSettings, shape: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    if settings.path and "file" not in settings.mode.split("+"):
        raise UserError(f"mask.path={settings.path} is read by mask.mode=file only, not by {settings.mode}")
    names = settings.mode.split("+")
    drawn = "+".join(name for name in names if name != "file")
    mask = _load_mask_file(settings, shape) if "file" in names else np.ones(shape, bool)
    if drawn:
        key, size, profile = jax.random.key(settings.seed), settings.size, settings.profile
        mask = mask & np.asarray(masks.make(key, shape, drawn, settings.rate, size=size, profile=profile))
    if mask.all() or not mask.any():
        raise UserError(
            f"nothing is {'missing' if mask.all() else 'observed'} of {shape[0]} x {shape[1]} pixels with mask.mode="
            f"{settings.mode}, mask.rate={settings.rate} and mask.size={settings.size}: give another rate, size or mode"
        )
    return mask


def _load_mask_file(settings: MaskSettings, shape: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    if not settings.path:
        raise UserError("mask.mode=file needs mask.path: give the path of a mask picture or .npy array")
    return masks.load(settings.path, shape, threshold=settings.threshold, observed=settings.observed)
