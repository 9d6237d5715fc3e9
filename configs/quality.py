"""The recipe of configs/inpaint.py against the fills that a user would otherwise use, and what its parts are worth.

    python -m scripts.compare --config=configs/quality.py --workdir=runs/quality

Five pictures under four masks, three seeds, where the reference data lies beside the project; three bundled pictures
under three masks elsewhere. Variant `:ablation` leaves out each part of the recipe, and adds the energies of rows and
columns; with the same --workdir it adds to the table. Variant `:smoke` takes a minute, most of it to compile.
"""

import ml_collections

from configs import base, compare
from inrr_jax.settings import RECIPE

TERMS = RECIPE.regularizer.name
RAW, BEST = f"siren+{TERMS}", f"siren+{TERMS}/{RECIPE.kriging}"
ABLATION = [
    "locally_linear",
    "locally_linear_fine",
    "stacked",
    "grouped",
    BEST,
    RAW,
    f"{RAW}/harmonic",
    f"siren+inrr+{TERMS}",
    f"siren+inrr+{TERMS}/{RECIPE.kriging}",
    f"siren/{RECIPE.kriging}",
    f"siren+inrr/{RECIPE.kriging}",
]


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = compare.get_config()
    config.methods = ",".join([*compare.FILLS, *compare.OPENCV, "locally_linear", "grouped", RAW, BEST])
    config.fit.field.width, config.fit.train.steps = RECIPE.field.width, RECIPE.train.steps
    if compare.PICTURES.is_dir():
        config.update(compare.REFERENCE)
    smoke = {**compare.SMOKE, "methods": config.methods}
    return base.vary(config, variant, {"ablation": {"methods": ",".join(ABLATION)}, "smoke": smoke})
