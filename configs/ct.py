"""A slice from few projections: computed tomography.

    inrr-jax train --config=ct [--config.data.views=25] [--config.data.path=sinogram.npy]

Total variation and splitting loops of three strengths with groups of similar patches, combined by views that are held
out (docs/inverse.md); and what filtered backprojection, SART, Tikhonov's energy and total variation find in the same
data. With --config.data.image=camera --config.data.size=96, in 57 s of a CPU core, 15 views give 27.4 dB, and total
variation with a weight that held-out rays choose gives 26.4 dB. `:tv` fits plain values on the grid with total
variation by Adam, without the loop.
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.inverse import ct
from inrr_jax.experiments import presets
from inrr_jax.settings import RECONSTRUCTION, PriorSettings, TuneSettings

SETTINGS = replace(
    RECONSTRUCTION,
    data=ct.Config(views=15),
    # Where few rays are measured, the loop needs a good start and more rounds. A smaller weight has a smaller misfit
    # of held-out rays too, but follows the discretisation's error, which all rays share.
    prior=PriorSettings(start="tv", rounds=24, weight=0.04, levels=(0.04, 0.08, 0.16)),
    tune=TuneSettings(),
)
TV = {
    "regularizer.name": "tv",
    "regularizer.tv.weight": 0.01,
    "optimizer.field_rate": 5e-2,
    "train.steps": 400,
    "train.chunk": 50,
    "tune.axes": (),
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `tv`, `siren` or `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {**presets.COMBINED_VARIANTS, "tv": TV})
