"""A picture from its gradient: Poisson's equation, compared with the sparse finite-difference solve of the same data.

    inrr-jax train --config=poisson [--config.data.image=photo.png]

Less than a minute on two CPU cores, and 33.5 dB up to a constant. The sparse solve takes seconds and is exact, as the
gradient is whole and has no noise; docs/derivatives.md has both without that. The options of `data`, source=laplacian,
noise and missing, are in inrr_jax/data/kinds/equations/poisson.py.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.equations import poisson
from inrr_jax.experiments import presets
from inrr_jax.fields import siren
from inrr_jax.recipes.equations import EQUATION
from inrr_jax.settings import TrainSettings

SETTINGS = replace(
    EQUATION,
    data=poisson.Config(),
    field=siren.Config(width=160, depth=4, omega=30.0, tile=1024),
    train=TrainSettings(steps=400, fibers=0, measurements=2048, chunk=100),
)
SMOKE = {**presets.SMOKE, "data.size": 24}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {"smoke": SMOKE})
