"""The recipe of configs/inpaint.py against the classical fills, and the contribution of its parts.

    inrr-jax compare --config=quality --workdir=runs/quality

Three bundled pictures under three masks, three seeds: more than an hour on two CPU cores, half of it for GSR. Expected:
ahead of the best of the other classical fills on most cases, by about 1 dB on average. Variants:

`:reference` is the table of docs/quality.md: five pictures under four masks from the folder that --config.folder names,
as for configs/compare.py; it needs OpenCV. `:ablation` removes each part of the recipe, and adds INRR's energies;
`:reference_ablation` does so on the reference pictures. `:smoke` takes a minute, most of it compilation.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.comparison import ComparisonSettings
from inrr_jax.settings import RECIPE

TERMS = RECIPE.regularizer.name
RAW, BEST = f"siren+{TERMS}", f"siren+{TERMS}/{RECIPE.correction}"
METHODS = [*presets.FILLS, "locally_linear", "gsr", "stacked", "grouped", RAW, BEST]
ABLATION = [
    "locally_linear",
    "locally_linear_fine",
    "stacked",
    "grouped",
    BEST,
    RAW,
    f"{RAW}/harmonic",
    f"siren+inrr+{TERMS}",
    f"siren+inrr+{TERMS}/{RECIPE.correction}",
    f"siren/{RECIPE.correction}",
    f"siren+inrr/{RECIPE.correction}",
]


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(ComparisonSettings())
    config.update_from_flattened_dict(presets.COMPARISON)
    config.methods = ",".join(METHODS)
    config.fit.field.width, config.fit.train.steps = RECIPE.field.width, RECIPE.train.steps
    ablation = {"methods": ",".join(ABLATION)}
    variants = {
        "reference": {**presets.PICTURES, "methods": ",".join([*METHODS, *presets.OPENCV])},
        "ablation": ablation,
        "reference_ablation": {**presets.PICTURES, **ablation},
        "smoke": {**presets.COMPARISON_SMOKE, "methods": ",".join(name for name in METHODS if name != "gsr")},
    }
    return presets.vary(config, variant, variants)
