"""A factorised field and its blend against the completions of arrays, on signals with three axes.

    inrr-jax compare --config=compare_arrays --workdir=runs/arrays

The spectral image Indian Pines under seven masks, with its bands on the last axis. Variants with the same methods:
`:volume` is an average head, `:climate` the air temperature over North America and `:video` Carphone, whose frames are
on the first axis. `:corners` has all of {network, values on nodes} x {no term, total variation, Tikhonov, INRR}.
Commands that differ in signals, masks, methods or seeds alone fill one table if they name one --workdir. `:smoke` takes
a minute, most of it compilation. A mask is mode:rate:axis:duration (docs/masks.md). `patches` is left out where
the mask does not change along two axes alone.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.comparison import ComparisonSettings

COMPLETIONS = ["linear", "spline", "dct_pls_scaled", "als", "halrtc", "tctv", "tctv_12", "tctv_20", "patches"]
FIELDS = ["tucker", "tucker+grid", "tucker+inrr", "tucker+inrr/blended"]
TERMS = ["", "+tv_anisotropic", "+grid", "+inrr"]
CORNERS = [f"{field}{term}" for field in ("tucker", "tucker_nodes", "grid") for term in TERMS]
ELEMENTS = ["random:0.9", "random:0.95", "random:0.98"]


def gaps(axis: int) -> str:
    """Return the masks: single entries, and gaps whose slices, lines or durations belong to an axis."""
    structured = [f"slices:0.5:{axis}", f"deadlines:0.3:{axis}", f"clouds:0.3:{axis}:8", f"fibers:0.9:{axis}"]
    return ",".join([*structured, *ELEMENTS])


VOLUME = {"signals": "mni152[20:176:3,20:212:3,20:170:3]", "masks": gaps(2)}
CLIMATE = {"signals": "air_temperature[:60]", "masks": gaps(0)}
VIDEO = {"signals": "carphone[:40,::4,::4]", "masks": gaps(0)}
CORNERS_CHANGES = {"masks": "random:0.95,clouds:0.3:2:8", "methods": ",".join(CORNERS)}
SMOKE = {
    "signals": "covid_serology[:12]",
    "masks": "random:0.5,slices:0.3:0",
    "methods": "linear,als,tucker,tucker+inrr,tucker_nodes+grid,tucker/blended",
    "fit.train.steps": 4,
    "fit.train.chunk": 2,
    "seeds": 2,
    "at_once": 1,
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(ComparisonSettings())
    config.signals, config.masks = "indian_pines[:40,:40,:100:2]", gaps(2)
    config.methods = ",".join([*COMPLETIONS, *FIELDS])
    config.fit.data.update(name="array", grey=True)
    config.fit.train.update(steps=600, chunk=100)
    variants = {"volume": VOLUME, "climate": CLIMATE, "video": VIDEO, "corners": CORNERS_CHANGES, "smoke": SMOKE}
    return presets.vary(config, variant, variants)
