"""Pictures under a mask."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from inrr_jax.data import images
from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.operators.masking import masked
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Problem


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of a picture."""

    instead: ClassVar = {"path": "image", "source": "image"}
    name: str = choice("picture")
    image: str = "baboon"
    """A bundled name or the path of a picture."""
    size: int = at_least(0, 0)
    """Longest side in pixels after resizing, with the proportions kept; 0: the picture's own size."""
    grey: bool = False
    """Whether to reduce colour to one channel, the ITU-R 601 luma."""

    @property
    def label(self) -> str:
        """The name or path of the picture."""
        return self.image

    def read(self) -> Float[np.ndarray, "H W C"]:
        """Load the picture in the size and colours of the options.

        Raises:
            UserError: it cannot be loaded.
        """
        image = images.load(self.image, grey=self.grey)
        height, width = image.shape[:2]
        if self.size in (0, max(height, width)):
            return image
        scale = self.size / max(height, width)
        return images.resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))

    def problem(self, content: Float[np.ndarray, "H W C"], mask: MaskSettings) -> Problem:
        """Return the problem of recovering the picture from its observed pixels.

        Raises:
            UserError: the mask cannot be loaded, or it leaves nothing missing or nothing observed.
        """
        return masked(content, draw_mask(mask, content.shape[:2]), truth=self.truth)
