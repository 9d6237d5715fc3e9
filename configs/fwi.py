"""Full waveform inversion of a small survey: the velocity from the records of eight shots, in three frequency bands.

    inrr-jax train --config=fwi [--config.data.velocity=model.npy] [--config.data.shots=gathers.npy]

25 to 30 s of processor time. The error of the velocity falls from 265 m/s in the start model, which is linear in depth,
to 141 m/s, the structural similarity rises from 0.64 to 0.78, and the misfit falls from 0.53 to 0.011. The energy is
INRR's of the difference from the start model; without one (`data.start=none`) give regularizer.reference=zero as well.

inrr_jax/data/kinds/inverse/fwi.py describes the options of `data`, with units: m, s, Hz, m/s. docs/fwi.md has the
comparison.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.inverse import fwi
from inrr_jax.experiments import presets
from inrr_jax.fields import siren
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings

SETTINGS = replace(
    Settings(),
    data=fwi.Config(),
    field=siren.Config(width=96, depth=4, omega=24.0, precision="float32"),
    regularizer=RegularizerSettings(name="inrr", reference="start", inrr=inrr.Config(weight=10.0)),
    optimizer=OptimizerSettings(name="adam", field_rate=4e-4, first_scale=1.0, warmup=10),
    train=TrainSettings(steps=240, fibers=0, measurements=1, chunk=40, evaluate_every=40, checkpoint_every=120),
)
SMOKE = {
    **{k: v for k, v in presets.SMOKE.items() if k not in ("data.size", "train.fibers")},
    "data.nodes": (16, 24),
    "data.sources": (2,),
    "data.duration": 0.5,
    "data.layer": 8,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {"smoke": SMOKE})
