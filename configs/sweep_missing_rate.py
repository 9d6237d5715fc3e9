"""Recovery over the missing rate: with INRR and without, at five rates, with five masks and initialisations each.

    inrr-jax sweep --config=sweep_missing_rate --workdir=runs/rates

50 fits of the baboon at 64 x 64 in about half a minute on two CPU cores. Expected: the PSNR on the missing pixels falls
with the rate, with INRR as without. Variant `:smoke` takes seconds.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.sweep_grid import SweepSettings

SMOKE = {
    **presets.SWEEP_SMOKE,
    "axes": (("mask.rate", (0.3, 0.7)), ("regularizer.name", ("inrr", "none")), ("seed+mask.seed", (0, 1))),
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(SweepSettings())
    config.fit.data.update(size=64, grey=True)
    config.fit.field.width = 64
    config.fit.train.steps = 400
    config.axes = (
        ("regularizer.name", ("inrr", "none")),
        ("mask.rate", (0.1, 0.3, 0.5, 0.7, 0.9)),
        ("seed+mask.seed", (0, 1, 2, 3, 4)),
    )
    return presets.vary(config, variant, {"smoke": SMOKE})
