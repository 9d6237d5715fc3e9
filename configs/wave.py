"""A pulse on a string with fixed ends: the wave equation.

    inrr-jax train --config=wave [--config.data.speed=0.75]

Less than a minute on two CPU cores, and a relative error of 0.3 to 1.3 %. The leapfrog scheme on 129 x 129 nodes has
0.3 %.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.equations import wave
from inrr_jax.experiments import presets
from inrr_jax.fields import siren
from inrr_jax.recipes.equations import EQUATION
from inrr_jax.settings import TrainSettings

SETTINGS = replace(
    EQUATION,
    data=wave.Config(),
    field=siren.Config(width=96, depth=4, omega=8.0, tile=1024, precision="float32"),
    train=TrainSettings(steps=800, fibers=0, measurements=1024, chunk=100),
)
SMOKE = {**presets.SMOKE, "data.size": 24}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {"smoke": SMOKE})
