"""A slice from few projections: computed tomography.

    python -m scripts.train --config=configs/ct.py [--config.data.views=25] [--config.data.path=sinogram.npy]

Plain values on the grid with total variation, and what filtered backprojection, SART, Tikhonov's energy and total
variation with a weight that held-out rays choose find in the same data. With --config.data.image=camera
--config.data.size=128, 15 views give 24.5 dB, and the last of these methods 25.7 dB (docs/inverse_ct.md); it took 90 s
on two busy CPU cores, most of it for the other methods.
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
PATCHES = {
    "regularizer.name": "guide",
    "optimizer.field_rate": 1e-3,
    "train.steps": 50,
    "tune.axes": (("prior.weight", (0.02, 0.05, 0.1)), ("prior.noise", (0.06, 0.1))),
}
SMOKE = {**base.SMOKE, "train.fibers": 0}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `patches` or `smoke`."""
    return base.vary(base.to_config(SETTINGS), variant, {"patches": PATCHES, "smoke": SMOKE})
