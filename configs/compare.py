"""Every method of the paper, and the classical methods, compared on the same pictures under the same masks.

    python -m scripts.compare --config=configs/compare.py --workdir=runs/compare

Three bundled pictures under three masks, three seeds: about two hours on two CPU cores. Fewer are chosen by
--config.signals, .masks, .methods and .seeds; commands that differ in these alone fill one table if they name one
--workdir. On the baboon under writing, SIREN + INRR is expected at about 22 dB on the missing pixels.

Variant `:reference` is the table of docs/results.md, with smaller networks: five pictures under five masks, from a
folder with images/*.png and masks/*.png that --config.folder names; it needs OpenCV (pip install
opencv-python-headless). Variant `:smoke` takes a minute, most of it compilation.
"""

import ml_collections

from configs import base
from inrr_jax.experiments.comparison import ComparisonSettings

FILLS = ["linear", "harmonic", "biharmonic", "tv", "soft_impute", "wnll"]
OPENCV = ["telea_r3", "navier_stokes_r5"]
SIREN = ["siren", *(f"siren+{term}" for term in ("tv", "grid", "tikhonov2", "air", "inrr"))]
FROZEN = [f"siren+inrr@{percent}" for percent in (10, 25, 50)]
DMF = ["dmf", *(f"dmf+{term}" for term in ("tv", "air", "inrr"))]
OTHERS = ["relu", "fourier", "inrz", "inrz_patch"]

PICTURES = {
    "signals": "images/*.png",
    "masks": ",".join(f"masks/{name}.png" for name in ("text", "random50", "random80", "patch")),
}
"""The reference pictures and masks, relative to --config.folder."""
REFERENCE = {
    **PICTURES,
    "masks": PICTURES["masks"] + ",density:0.5",
    "methods": ",".join([*FILLS, *OPENCV, *(name for name in SIREN if name != "siren+tikhonov2"), *DMF, "inrz"]),
    "fit.field.width": 128,
}

SMOKE = {
    **{f"fit.{name}": value for name, value in base.SMOKE.items()},
    "fit.field.depth": 2,
    "fit.train.steps": 4,
    "fit.train.chunk": 2,
    "signals": "camera",
    "masks": "text:0.125,random:0.5",
    "methods": "harmonic,wnll,siren,siren+inrr,siren+inrr@50,dmf",
    "seeds": 2,
    "at_once": 1,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = base.to_config(ComparisonSettings())
    config.signals = "baboon,camera,astronaut"
    config.masks = "text:0.125,random:0.5,density:0.5"
    config.methods = ",".join([*FILLS, *SIREN, *FROZEN, *DMF, *OTHERS])
    config.fit.data.update(size=256, grey=True)
    config.fit.train.update(steps=400, chunk=100)
    return base.vary(config, variant, {"reference": REFERENCE, "smoke": SMOKE})
