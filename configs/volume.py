"""A volume: an average head by magnetic resonance, 99 x 117 x 95 voxels of 2 mm, without 95 % of its voxels.

    inrr-jax train --config=volume

24.4 dB on the missing voxels (ALS 22.3, linear interpolation 18.5), with 50 s of processor time; 135 s passed on two
cores that eight jobs shared. Variants: `:slices` has lost three of four slices, `:block` a box with an eighth of the
volume; `:smoke` takes seconds. Needs nilearn (docs/data.md). A volume of your own is
--config.data.source=FILE (.nii.gz, .tif, .npy, ...).
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import COMPLETION

SLICES = {"mask.mode": "slices", "mask.axis": 2, "mask.rate": 0.75}
BLOCK = {"mask.mode": "patch", "mask.rate": 0.125}
SMOKE = {**presets.SMOKE, "data.crop": "20:180:20,20:210:20,20:170:20"}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(COMPLETION)
    config.data.update(name="array", source="mni152", crop="::2,::2,::2")
    config.mask.update(mode="random", rate=0.95)
    return presets.vary(config, variant, {"slices": SLICES, "block": BLOCK, "smoke": SMOKE})
