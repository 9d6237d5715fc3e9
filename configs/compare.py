"""Every method of the paper, and the classical methods, compared on the same pictures under the same masks.

    inrr-jax compare --config=compare --workdir=runs/compare

Three bundled pictures under three masks, three seeds: about two hours on two CPU cores. Fewer are chosen by
--config.signals, .masks, .methods and .seeds; commands that differ in these alone fill one table if they name one
--workdir. On the baboon under writing, SIREN + INRR is expected at about 22 dB on the missing pixels.

Variant `:reference` is the table of docs/results.md, with smaller networks: five pictures under five masks, from a
folder with images/*.png and masks/*.png that --config.folder names; it needs OpenCV (pip install
opencv-python-headless). Variant `:smoke` takes a minute, most of it compilation.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.comparison import ComparisonSettings

SIREN = ["siren", *(f"siren+{term}" for term in ("tv", "grid", "tikhonov2", "air", "inrr"))]
FROZEN = [f"siren+inrr@{percent}" for percent in (10, 25, 50)]
DMF = ["dmf", *(f"dmf+{term}" for term in ("tv", "air", "inrr"))]
OTHERS = ["relu", "fourier", "inrz", "inrz_patch"]

REFERENCE = {
    **presets.PICTURES,
    "masks": presets.PICTURES["masks"] + ",density:0.5",
    "methods": ",".join(
        [*presets.FILLS, *presets.OPENCV, *(name for name in SIREN if name != "siren+tikhonov2"), *DMF, "inrz"]
    ),
    "fit.field.width": 128,
}

SMOKE = {**presets.COMPARISON_SMOKE, "methods": "harmonic,wnll,siren,siren+inrr,siren+inrr@50,dmf"}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(ComparisonSettings())
    config.update_from_flattened_dict(presets.COMPARISON)
    config.methods = ",".join([*presets.FILLS, *SIREN, *FROZEN, *DMF, *OTHERS])
    return presets.vary(config, variant, {"reference": REFERENCE, "smoke": SMOKE})
