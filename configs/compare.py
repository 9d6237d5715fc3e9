"""Every method of the paper, and what a user would otherwise use, side by side.

    python -m scripts.compare --config=configs/compare.py --workdir=runs/compare

Three bundled pictures under three masks, three seeds: about two hours on two CPU cores. Give fewer with
--config.images, .masks, .methods and .seeds; commands that differ in these alone fill one table if they name one
--workdir. Variant `:reference` is the table of docs/results.md: five pictures under five masks, with smaller networks,
where the reference data lies beside the project. Variant `:smoke` takes a minute, most of it to compile.
"""

import dataclasses
import importlib.util
from pathlib import Path

import ml_collections

from configs import base
from inrr_jax.experiments.comparison import ComparisonSettings

FILLS = ["linear", "harmonic", "biharmonic", "tv", "soft_impute", "wnll"]
OPENCV = ["telea_r3", "navier_stokes_r5"] if importlib.util.find_spec("cv2") else []
SIREN = ["siren", *(f"siren+{term}" for term in ("tv", "grid", "tikhonov2", "air", "inrr"))]
FROZEN = [f"siren+inrr@{percent}" for percent in (10, 25, 50)]
DMF = ["dmf", *(f"dmf+{term}" for term in ("tv", "air", "inrr"))]
OTHERS = ["relu", "fourier", "inrz", "inrz_patch"]

PICTURES = Path("../shared/data")
REFERENCE = {
    "images": f"{PICTURES}/images/*.png",
    "masks": ",".join(f"{PICTURES}/masks/{name}.png" for name in ("text", "random50", "random80", "patch")),
}
"""The pictures and masks of the reference data."""
SMALL = {
    **REFERENCE,
    "masks": REFERENCE["masks"] + ",density:0.5",
    "methods": ",".join([*FILLS, *OPENCV, *(name for name in SIREN if name != "siren+tikhonov2"), *DMF, "inrz"]),
    "fit.field.width": 128,
}

SMOKE = {
    **{f"fit.{name}": value for name, value in base.SMOKE.items()},
    "fit.field.depth": 2,
    "fit.train.steps": 4,
    "fit.train.chunk": 2,
    "images": "camera",
    "masks": "text:0.125,random:0.5",
    "methods": "harmonic,wnll,siren,siren+inrr,siren+inrr@50,dmf",
    "seeds": 2,
    "at_once": 1,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = ml_collections.ConfigDict(dataclasses.asdict(ComparisonSettings()))
    config.images = "baboon,camera,astronaut"
    config.masks = "text:0.125,random:0.5,density:0.5"
    config.methods = ",".join([*FILLS, *OPENCV, *SIREN, *FROZEN, *DMF, *OTHERS])
    config.fit.data.update(size=256, grey=True)
    config.fit.train.update(steps=400, chunk=100)
    return base.vary(config, variant, {"reference": SMALL, "smoke": SMOKE})
