"""Every setting at its default; inrr_jax/settings.py documents them or names the file that does.

    python -m scripts.train --config=configs/base.py

The whole 512 x 512 colour baboon with half of its pixels missing: a minute on two CPU cores, 21.1 dB on the missing
pixels (the harmonic fill has 21.50).
"""

from collections.abc import Mapping
from typing import Any

import ml_collections
from ml_collections import config_dict

from inrr_jax.errors import UserError, unknown
from inrr_jax.options import all_names, placeholders
from inrr_jax.settings import Settings

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
"""A few seconds: a check that everything runs, not a recovery."""
SWEEP_SMOKE = {
    **{f"fit.{name}": value for name, value in SMOKE.items()},
    "fit.data.size": 16,
    "fit.field.width": 8,
    "fit.field.depth": 2,
    "fit.train.steps": 4,
    "fit.train.chunk": 2,
    "at_once": 1,
}
"""The same for a sweep, whose config adds a few axes."""

RECONSTRUCTION_VARIANTS = {
    "siren": {
        "field.name": "siren",
        "field.width": 128,
        "field.depth": 4,
        "optimizer.name": "muon",
        "optimizer.field_rate": 5e-3,
        "train.steps": 400,
        "train.chunk": 50,
    },
    "smoke": {
        "data.size": 24,
        "train.steps": 20,
        "train.evaluate_every": 10,
        "prior.rounds": 2,
        "tune.axes": (("prior.noise", (0.05, 0.1)),),
    },
}
"""What the configs of pictures that are measured through an operator share."""


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the defaults, or their variant `smoke`."""
    return vary(to_config(Settings()), variant, {})


def to_config(settings: Any) -> ml_collections.ConfigDict:
    """Return settings as a ConfigDict in which every option of every variant can be set by a flag.

    Options of other variants than the chosen one are placeholders: empty, and of the option's type.
    """
    config = ml_collections.ConfigDict(all_names(settings))
    for name, kind in placeholders(settings).items():
        config.update_from_flattened_dict({name: config_dict.placeholder(kind)})
    return config


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
