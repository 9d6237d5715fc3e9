"""Every setting at its default; inrr_jax/settings.py documents them or names the file that does.

    inrr-jax train --config=base

The whole 512 x 512 colour baboon with half of its pixels missing: a minute on two CPU cores, 21.1 dB on the missing
pixels (the harmonic fill has 21.50).
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.settings import Settings


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the defaults, or their variant `smoke`."""
    return presets.vary(presets.to_config(Settings()), variant, {})
