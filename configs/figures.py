"""The paper's properties, each a figure and a table, from small fits of the baboon.

    python -m scripts.figures all

Five minutes on two CPU cores; `python -m scripts.figures momentum` draws one of them. Expected: the claims that hold
are those of docs/properties.md. Variant `:smoke` takes a minute, and its numbers mean nothing.
"""

import ml_collections

from configs import base
from inrr_jax.experiments.paper import FiguresSettings

SMOKE = {
    **{f"fit.{name}": value for name, value in base.SMOKE.items()},
    "fit.field.depth": 2,
    "fit.train.steps": 8,
    "fit.train.chunk": 2,
    "seeds": 2,
    "picture": 32,
    "small": 16,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = base.to_config(FiguresSettings())
    return base.vary(config, variant, {"smoke": SMOKE})
