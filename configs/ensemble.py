"""Eight initialisations of the baboon under text: their mean, and the standard deviation between them.

    python -m scripts.sweep --config=configs/ensemble.py --workdir=runs/ensemble

About three minutes on two CPU cores. Expected: the mean is about 0.15 dB better on the missing pixels than a single
fit, as on the paper's picture (docs/sweeps.md). In addition to what every sweep writes, it writes mean.png,
ensemble.png (deviation, error and calibration curve), ensemble.npz and ensemble.json. `--config.ensemble=16` runs more
fits. Variant `:smoke` takes seconds.
"""

import ml_collections

from configs import baboon, base
from inrr_jax.experiments.sweep_grid import SweepSettings

SMOKE = {**{f"fit.{name}": value for name, value in base.SMOKE.items()}, "ensemble": 2, "at_once": 1}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = base.to_config(SweepSettings())
    config.fit = baboon.get_config()
    config.ensemble = 8
    return base.vary(config, variant, {"smoke": SMOKE})
