"""Pictures of a quarter of a megapixel to sixteen, half of their pixels missing; the variant is the longest side.

    python -m scripts.train --config=configs/large.py:2048 --config.data.image=photo.png

Variants: `:512`, `:1024` (the default), `:2048` and `:4096`.
"""

import ml_collections

from configs import base

SIDES = (512, 1024, 2048, 4096)


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = base.get_config()
    config.field.omega = omega(1024)
    config.train.evaluate_every = 300  # each is a pass over all pixels
    return base.vary(config, variant, {str(side): {"field.omega": omega(side)} for side in SIDES})


def omega(side: int) -> float:
    """Return the frequency factor for a longest side of so many pixels: the same frequency per pixel at all."""
    return 60.0 * side / 512
