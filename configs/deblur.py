"""A sharp picture from a blurred and noisy one, and the classical methods of the same problem.

    python -m scripts.train --config=configs/deblur.py [--config.data.blur=motion --config.data.width=9]

Two minutes on two CPU cores, and 30.4 dB where total variation has 29.7. With --config.data.truth=False the picture
--config.data.image=photo.png is the blurred one itself. `:siren` fits a SIREN that is guided by the recovery on the
grid.
"""

from dataclasses import replace

import ml_collections

from configs import base
from inrr_jax.data.kinds.inverse import deblur
from inrr_jax.data.settings import MaskSettings
from inrr_jax.settings import RECONSTRUCTION

SETTINGS = replace(RECONSTRUCTION, data=deblur.Config(), mask=MaskSettings(mode="none"))


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `siren` or `smoke`."""
    return base.vary(base.to_config(SETTINGS), variant, base.RECONSTRUCTION_VARIANTS)
