"""A slice from few projections: computed tomography.

    python -m scripts.train --config=configs/ct.py [--config.data.views=25] [--config.data.path=sinogram.npy]

Plain values on the grid with total variation, beside filtered backprojection, SART, Tikhonov's energy and total
variation whose weight is chosen by held-out rays.
"""

import ml_collections

from configs import base
from inrr_jax.data.kinds.inverse import ct
from inrr_jax.fields import grid
from inrr_jax.regularizers import RegularizerSettings, variation
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings

SETTINGS = Settings(
    data=ct.Config(views=15),
    field=grid.Config(),
    regularizer=RegularizerSettings(name="tv", tv=variation.Isotropic(weight=0.01)),
    optimizer=OptimizerSettings(name="adam", field_rate=5e-2),
    train=TrainSettings(steps=400, fibers=0),
)
SMOKE = {**base.SMOKE, "train.fibers": 0}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return base.vary(base.to_config(SETTINGS), variant, {"smoke": SMOKE})
