"""Eight initialisations of the baboon under writing: their mean, and where they disagree.

    python -m scripts.sweep --config=configs/ensemble.py --workdir=runs/ensemble

Leaves mean.png, ensemble.png (deviation, error and calibration curve), ensemble.npz and ensemble.json beside what every
sweep leaves. `--config.ensemble=16` takes more of them. Variant `:smoke` takes seconds.
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
