"""A damaged picture of your own, and a mask of the damage (bright where the picture is good, dark where it is damaged).

    inrr-jax train --config=inpaint --config.data.image=photo.png --config.mask.path=mask.png

About a minute on two CPU cores at 256 x 256 in grey. The reference cameraman with half of its pixels missing at random
is recovered with 33.2 dB on these by the guide alone, to which the network adds little (docs/quality.md). The values of
the picture under the mask are not used; with --config.data.truth=True they are the truth for computing errors.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import RECIPE


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(RECIPE)
    config.data.update(truth=False)
    config.mask.update(mode="file")
    return presets.vary(config, variant, {})
