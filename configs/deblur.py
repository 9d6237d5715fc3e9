"""A sharp picture from a blurred and noisy one, and the classical methods of the same problem.

    inrr-jax train --config=deblur [--config.data.blur=motion --config.data.width=9]

About two minutes on two cores; with --config.data.size=96 half a minute, and 28.1 dB where total variation has 27.9.
The blurred picture is made from a finer scene (docs/inverse.md). With --config.data.truth=False the picture
--config.data.image=photo.png is the blurred one itself. `:siren` fits a SIREN that is guided by the recovery on the
grid.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.inverse import deblur
from inrr_jax.data.settings import MaskSettings
from inrr_jax.experiments import presets
from inrr_jax.settings import RECONSTRUCTION

SETTINGS = replace(RECONSTRUCTION, data=deblur.Config(), mask=MaskSettings(mode="none"))


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `siren` or `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, presets.RECONSTRUCTION_VARIANTS)
