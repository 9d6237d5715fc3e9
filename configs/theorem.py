"""Numerical study of the smoothness theorem: what the kernels of a SIREN predict as omega grows and as it falls.

    inrr-jax ntk --config=theorem

It takes about a minute on two CPU cores; the variant `:smoke` takes half of that, most of it compilation. The measured
exponents should be those of the tables in docs/theory.md. `inrr_jax/ntk/theorem.py` describes each setting.
"""

import dataclasses

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.ntk.theorem import TheoremSettings

# Three omegas from 64 on and three widths are the fewest that `theorem.check` accepts.
SMOKE = {
    "depth": 3,
    "widths": (16, 32, 64),
    "draws": 2,
    "omegas": (0.25, 1.0, 64.0, 128.0, 256.0),
    "shown": (1.0, 64.0),
    "images": ("camera",),
    "size": 16,
    "image_omegas": (3.0, 10.0, 30.0),
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    config = ml_collections.ConfigDict(dataclasses.asdict(TheoremSettings()))
    return presets.vary(config, variant, {"smoke": SMOKE})
