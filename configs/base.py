"""Every setting at its default; what each means, its unit and range stand beside it in inrr_jax/settings.py.

    python -m scripts.train --config=configs/base.py

The whole 512 x 512 colour baboon with half of its pixels missing: a minute on two CPU cores, 21.1 dB on the missing
pixels (the harmonic fill has 21.50).
"""

from collections.abc import Mapping
from typing import Any

import ml_collections

from inrr_jax.errors import UserError, unknown
from inrr_jax.settings import Settings, to_mapping

SMOKE = {
    "data.size": 32,
    "field.width": 32,
    "field.depth": 3,
    "train.steps": 20,
    "train.fibers": 4,
    "train.chunk": 5,
    "train.evaluate_every": 10,
    "train.checkpoint_every": 10,
}
"""A few seconds, to see that all works; the picture does not come back."""
SWEEP_SMOKE = {
    **{f"fit.{name}": value for name, value in SMOKE.items()},
    "fit.data.size": 16,
    "fit.field.width": 8,
    "fit.field.depth": 2,
    "fit.train.steps": 4,
    "fit.train.chunk": 2,
    "at_once": 1,
}
"""The same for a sweep; its config adds a few axes."""


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the defaults, or their variant `smoke`."""
    return vary(ml_collections.ConfigDict(to_mapping(Settings())), variant, {})


def vary(
    config: ml_collections.ConfigDict, variant: str, variants: Mapping[str, Mapping[str, Any]]
) -> ml_collections.ConfigDict:
    """Apply the differences of a variant, by name; every config has `smoke`.

    Raises:
        UserError: an unknown variant.
    """
    variants = {"": {}, "smoke": SMOKE, **variants}
    if variant not in variants:
        raise UserError(unknown(f"config variant {variant}", variant, [name for name in variants if name]))
    config.update_from_flattened_dict(dict(variants[variant]))
    return config
