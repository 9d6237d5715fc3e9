"""The paper's properties, each a figure and a table, from small fits of the baboon.

    inrr-jax figures all

Five minutes on two CPU cores; `inrr-jax figures momentum` draws one of them. Expected: the claims that hold
are those of docs/properties.md. Variant `:paper` has the paper's network and optimisation at 128 pixels; a fit
takes 40 minutes on two CPU cores without bfloat16, and a stopped command continues from its last 100 steps. Variant
`:smoke` takes a minute, and its numbers mean nothing.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.paper import FiguresSettings

SMOKE = {
    **{f"fit.{name}": value for name, value in presets.SMOKE.items()},
    "fit.field.depth": 2,
    "fit.train.steps": 8,
    "fit.train.chunk": 2,
    "seeds": 2,
    "small": 16,
}
PAPER = {
    **{f"fit.{name}": value for name, value in presets.PAPER.items()},
    "fit.field.width": 256,
    "fit.train.chunk": 100,
    "small": 32,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(FiguresSettings())
    return presets.vary(config, variant, {"smoke": SMOKE, "paper": PAPER})
