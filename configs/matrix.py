"""A matrix: elevations around the Jacksboro fault, 344 x 403 in metres, without 90 % of its entries.

    inrr-jax train --config=matrix

35.1 dB on the missing entries, an error of 14.5 m (linear interpolation 39.1), in 62 s on two cores.
Variants: `:columns` has lost a fifth of the columns, `:disparity` is a stereo disparity of 500 x 741 without half of
its entries, in addition to the 7 % that are really missing; `:table` is a matrix of 438 samples and 11 features whose
rows have no order, without half of its entries (needs tensorly): a deep matrix factorisation with a learned graph of
the rows, 18.1 dB in 25 s (16.3 dB without the graph, --config.regularizer.name=none; ALS 17.9); `:smoke` takes seconds.
A matrix of your own is --config.data.source=FILE (.csv, .npy, ...); --config.mask.mode=none recovers only what it lacks
itself.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import COMPLETION

COLUMNS = {"mask.mode": "columns", "mask.rate": 0.2}
DISPARITY = {"data.source": "disparity", "mask.rate": 0.5}
TABLE = {
    "data.source": "covid_serology",
    "data.crop": ":,0",
    "mask.rate": 0.5,
    "field.name": "dmf",
    "regularizer.name": "inrr_features",
    "regularizer.inrr_features.weight": 0.5,
    "optimizer.field_rate": 2e-2,
    "train.steps": 400,
    "correction": "none",
}
SMOKE = {**presets.SMOKE, "data.crop": "::20,::20"}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(COMPLETION)
    config.data.update(name="array", source="jacksboro")
    config.mask.update(mode="random", rate=0.9)
    return presets.vary(config, variant, {"columns": COLUMNS, "disparity": DISPARITY, "table": TABLE, "smoke": SMOKE})
