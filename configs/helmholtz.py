"""The wave field of a point source with an absorbing border: the Helmholtz equation.

    inrr-jax train --config=helmholtz [--config.data.wavenumber=10.0]

One to two minutes on two CPU cores, and a relative error of 0.5 to 1.7 % against Green's function away from the source.
Five-point differences on 129 x 129 nodes with a perfectly matched layer have 0.6 %, in seconds.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.equations import helmholtz
from inrr_jax.experiments import presets
from inrr_jax.fields import siren
from inrr_jax.recipes.equations import EQUATION
from inrr_jax.settings import TrainSettings

SETTINGS = replace(
    EQUATION,
    data=helmholtz.Config(),
    field=siren.Config(width=128, depth=4, omega=10.0, tile=1024, precision="float32"),
    train=TrainSettings(steps=700, fibers=0, measurements=2048, chunk=100),
)
SMOKE = {**presets.SMOKE, "data.size": 24}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {"smoke": SMOKE})
