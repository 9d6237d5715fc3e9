"""What config files share: settings as a ConfigDict, variants by name, and values that several configs have.

A config file needs nothing but this package, and works from any folder:

    from inrr_jax.experiments import presets
    from inrr_jax.settings import Settings

    def get_config(variant=""):
        config = presets.to_config(Settings())
        config.data.update(image="photo.png", size=256)
        return presets.vary(config, variant, {"long": {"train.steps": 5000}})
"""

from collections.abc import Mapping
from typing import Any

import ml_collections
from ml_collections import config_dict

from inrr_jax.errors import UserError, unknown
from inrr_jax.options import all_names, change, placeholders
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

COMBINED_VARIANTS: dict[str, dict[str, Any]] = {
    **RECONSTRUCTION_VARIANTS,
    "smoke": {**RECONSTRUCTION_VARIANTS["smoke"], "tune.axes": ()},
}
"""The same for configs whose guide is a combination of loops, with nothing to choose."""

BABOON = change(
    Settings(),
    {
        "data.image": "baboon",
        "data.size": 256,
        "data.grey": True,
        "mask.mode": "text",
        "mask.rate": 0.125,
        "field.omega": 30.0,
        "regularizer.inrr.weight": 0.13,
    },
)
"""The paper's picture under its kind of mask, recovered by INRR."""

PAPER = {
    "field.precision": "float32",
    "field.tile": 65_536,  # a picture of 256 x 256 at once: its activations are then computed only once
    "regularizer.inrr.weight": 0.0655,  # 1e-6 of the sum over 256 x 256 entries
    "optimizer.name": "adam",
    "optimizer.schedule": "constant",
    "optimizer.field_rate": 1e-4,
    "optimizer.first_scale": 1.0,
    "optimizer.laplacian_rate": 1e-4,
    "train.steps": 10_001,
    "train.fibers": 0,
    "train.chunk": 10,
}
"""The optimisation of the paper: full batch and Adam. Energies are means, so the weight fits pictures of any size."""

FILLS = ("linear", "harmonic", "biharmonic", "tv", "soft_impute", "wnll")
"""The classical fills that pictures are compared with."""
OPENCV = ("telea_r3", "navier_stokes_r5")
"""Those that need OpenCV."""
COMPARISON = {
    "signals": "baboon,camera,astronaut",
    "masks": "text:0.125,random:0.5,density:0.5",
    "fit.data.size": 256,
    "fit.data.grey": True,
    "fit.train.steps": 400,
    "fit.train.chunk": 100,
}
"""The bundled pictures and the masks of a comparison, and the length of its fits."""
PICTURES = {
    "signals": "images/*.png",
    "masks": ",".join(f"masks/{name}.png" for name in ("text", "random50", "random80", "patch")),
}
"""The reference pictures and masks, relative to --config.folder."""
COMPARISON_SMOKE = {
    **{f"fit.{name}": value for name, value in SMOKE.items()},
    "fit.field.depth": 2,
    "fit.train.steps": 4,
    "fit.train.chunk": 2,
    "signals": "camera",
    "masks": "text:0.125,random:0.5",
    "seeds": 2,
    "at_once": 1,
}


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
