"""Two pictures blended without a seam: the gradient of one inside of an ellipse, the values of the other around it.

    inrr-jax train --config=poisson_blend [--config.data.source=a.png --config.data.target=b.png]

About a minute on two CPU cores. Inside of the ellipse the result has 26 dB against the sparse solve, and the plain copy
17 dB; the values around it differ from the target's by 0.025 (root mean square).
"""

from dataclasses import replace

import ml_collections

from inrr_jax.data.kinds.equations import poisson_blend
from inrr_jax.experiments import presets
from inrr_jax.fields import siren
from inrr_jax.recipes.equations import EQUATION
from inrr_jax.settings import TrainSettings

SETTINGS = replace(
    EQUATION,
    data=poisson_blend.Config(),
    field=siren.Config(width=160, depth=4, omega=25.0, tile=1024),
    train=TrainSettings(steps=400, fibers=0, measurements=2048, chunk=100),
)
SMOKE = {**presets.SMOKE, "data.size": 24}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config, or its variant `smoke`."""
    return presets.vary(presets.to_config(SETTINGS), variant, {"smoke": SMOKE})
