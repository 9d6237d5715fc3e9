"""Pictures of a megapixel and more, whole fibres of which are thousands of points.

    python -m scripts.train --config=configs/large.py:SIDE --config.data.image=photo.png

SIDE is the picture's longest side in pixels.
"""

import ml_collections

from configs import base
from inrr_jax.errors import UserError


def get_config(variant: str = "1024") -> ml_collections.ConfigDict:
    """Return the config for a longest side of `variant` pixels.

    Raises:
        UserError: the variant is no number of pixels.
    """
    if variant == "smoke":
        return base.get_config("smoke")
    if not variant.isdigit() or int(variant) < 2:
        raise UserError(f"config variant {variant}: give the longest side in pixels, such as configs/large.py:2048")
    return at(int(variant))


def at(side: int) -> ml_collections.ConfigDict:
    """Return the config for a longest side of this many pixels."""
    config = base.get_config()
    # The same frequency per pixel as the default at 512 pixels, where it was chosen.
    config.field.omega = 15.0 * max(1.0, side / 512)
    # Every evaluation is a pass over all pixels.
    config.train.evaluate_every = config.train.checkpoint_every
    return config
