"""Scattered points: elevations in metres at 1 % of the nodes of a grid of 344 x 403, the Jacksboro fault.

    inrr-jax train --config=scattered

A network guided by kriging: a minute on two busy CPU cores, 51.1 m root mean squared error between the points (a thin
plate spline has 53.4; docs/scattered.md). Variants: `:dense` knows 5 % of the nodes, `:uneven` 1 %, fewer in the east;
`:smoke` takes seconds. Points of your own are --config.data.points=FILE --config.data.source= (docs/data.md), which are
recovered on a grid around them.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import INTERPOLATION

DENSE = {"mask.rate": 0.95}
UNEVEN = {"mask.mode": "density", "mask.rate": 0.99}
SMOKE = {**presets.SMOKE, "data.crop": "::10,::10"}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(INTERPOLATION)
    config.data.update(name="points", source="jacksboro")
    config.mask.update(mode="random", rate=0.99)
    return presets.vary(config, variant, {"dense": DENSE, "uneven": UNEVEN, "smoke": SMOKE})
