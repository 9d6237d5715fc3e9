"""Eight initialisations of the baboon under text: their mean, and the standard deviation between them.

    inrr-jax sweep --config=ensemble --workdir=runs/ensemble

About three minutes on two CPU cores. Expected: the mean is about 0.15 dB better on the missing pixels than a single
fit, as on the paper's picture (docs/sweeps.md). In addition to what every sweep writes, it writes mean.png,
ensemble.png (deviation, error and calibration curve), ensemble.npz and ensemble.json. `--config.ensemble=16` runs more
fits. Variant `:smoke` takes seconds.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.sweep_grid import SweepSettings

SMOKE = {**{f"fit.{name}": value for name, value in presets.SMOKE.items()}, "ensemble": 2, "at_once": 1}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(SweepSettings(fit=presets.BABOON, ensemble=8))
    return presets.vary(config, variant, {"smoke": SMOKE})
