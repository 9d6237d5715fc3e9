"""Parallel magnetic resonance imaging without calibration: an image and the maps of 8 coils from a fifth of k-space.

    inrr-jax train --config=mri [--config.data.path=kspace.npy]

The image is a slice of a head, 256 x 256; its phase, the coils and the noise are simulated (docs/inverse_mri.md). A
grid of values is the image, a tiny SIREN the maps. About three minutes on two busy cores, 33.6 dB
with seed 0 (JSENSE + L1 30.7, ESPIRiT + L1 26.5). Variants: `:radial` measures 26 spokes instead of lines, at 128 x
128: 36.3 dB with seed 0 (JSENSE + L1 34.2, ESPIRiT + L1 25.3) in six minutes on two busy cores with jax-finufft (`pip
install inrr-jax[mri]`), without which it takes longer; `:siren` has a SIREN for the image, which was measured at 128 x
128 alone; `:smoke` takes seconds. k-space of your own is complex, [coils, H, W], with zeros where it was not sampled.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.inverse import mri
from inrr_jax.experiments import presets
from inrr_jax.fields import FIELDS, siren
from inrr_jax.fields.tables import grid
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.regularizers.variation import Isotropic
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings

MAPS = siren.Config(width=32, depth=2, omega=3.0)
SETTINGS = replace(
    Settings(),
    data=mri.Config(),
    field=FIELDS["joint"](image=grid.Config(), maps=MAPS),
    regularizer=RegularizerSettings(name="tv", tv=Isotropic(weight=3e-3)),
    optimizer=OptimizerSettings(name="adam", field_rate=0.12),
    train=TrainSettings(steps=1000, fibers=0, chunk=100),
)
SIREN = {
    "field.image.name": "siren",
    "field.image.width": 96,
    "field.image.depth": 4,
    "field.image.omega": 30.0,
    "optimizer.name": "muon",
    "optimizer.field_rate": 0.02,
    "train.steps": 500,
}
RADIAL = {"data.name": "mri_radial"}
SMOKE = {name: value for name, value in presets.SMOKE.items() if not name.startswith("field")} | {
    "data.centre": 4,
    "data.acceleration": 4.0,
    "train.fibers": 0,
    "field.maps.width": 8,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `siren`, `radial` or `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {"siren": SIREN, "radial": RADIAL, "smoke": SMOKE})
