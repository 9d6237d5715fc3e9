"""Your own damaged picture, and a mask of the damage (bright where the picture is good, dark where it is damaged).

    python -m scripts.train --config=configs/inpaint.py --config.data.image=photo.png --config.mask.path=mask.png

A minute and a half on two CPU cores at 256 x 256 in grey, four times that for four times the pixels. With half of the
pixels of the reference's cameraman missing at random it comes back at 32.88 dB (docs/quality.md). What lies under the
mask counts as junk; say --config.data.truth=True if it is the truth and errors should be told.
"""

import ml_collections

from configs import base
from inrr_jax.settings import RECIPE


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = base.to_config(RECIPE)
    config.data.update(truth=False)
    config.mask.update(mode="file")
    return base.vary(config, variant, {})
