"""A spectral image: Indian Pines, 145 x 145 pixels and 200 bands, without 90 % of its entries.

    inrr-jax train --config=hyperspectral

36.6 dB on the missing entries, an error of 119 counts (ALS 36.5 dB, linear interpolation 30.3), in 188 s on two cores
without other jobs. The spectra of six pixels are in profiles.png. Variants: `:bands` has lost a quarter of the bands as
a whole, `:deadlines` columns in half of the bands; `:smoke` takes seconds. Needs tensorly (docs/data.md). Your own
image is --config.data.source=FILE.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import COMPLETION

BANDS = {"mask.mode": "slices", "mask.axis": 2, "mask.rate": 0.25}
DEADLINES = {"mask.mode": "deadlines", "mask.axis": 2, "mask.rate": 0.25}
SMOKE = {**presets.SMOKE, "data.crop": ":12,:12,::20"}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(COMPLETION)
    config.data.update(name="array", source="indian_pines")
    config.mask.update(mode="random", rate=0.9)
    return presets.vary(config, variant, {"bands": BANDS, "deadlines": DEADLINES, "smoke": SMOKE})
