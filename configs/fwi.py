"""Full waveform inversion of a small survey: the velocity from the records of six shots, in three frequency bands.

    python -m scripts.train --config=configs/fwi.py [--config.data.velocity=model.npy] [--config.data.shots=gathers.npy]

inrr_jax/data/kinds/inverse/fwi.py describes the options of `data`, with units: m, s, Hz, m/s. docs/fwi.md has the
comparison of fields and regularisers.
"""

from dataclasses import replace

import ml_collections

from configs import base
from inrr_jax.data.kinds.inverse import fwi
from inrr_jax.fields import siren
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings

SETTINGS = replace(
    Settings(),
    data=fwi.Config(),
    field=siren.Config(width=96, depth=4, omega=6.0, precision="float32"),
    regularizer=RegularizerSettings(name="none"),
    optimizer=OptimizerSettings(name="adam", field_rate=2e-3, warmup=10),
    train=TrainSettings(steps=150, fibers=0, measurements=3, chunk=10, evaluate_every=10, checkpoint_every=50),
)
SMOKE = {
    **{k: v for k, v in base.SMOKE.items() if k not in ("data.size", "train.fibers")},
    "data.nodes": (16, 24),
    "data.sources": (2,),
    "data.duration": 0.5,
    "data.layer": 8,
    "train.steps": 6,
    "train.chunk": 2,
    "train.evaluate_every": 2,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return base.vary(base.to_config(SETTINGS), variant, {"smoke": SMOKE})
