"""The memory of a fit, estimated before anything is allocated for it."""

import functools
import math

import jax
import numpy as np
import psutil
from absl import logging

from inrr_jax.errors import UserError
from inrr_jax.options import names
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training.programs import static_key

COPIES = 5
"""Arrays of the size of the parameters that a step holds: they, the gradients, two moments of Adam, and a spare that
is being written."""
LARGE = 0.5
"""Share of the free memory from which on a fit is announced."""


def check_memory(domain: Domain, settings: Settings) -> None:
    """Refuse a fit that cannot fit into the memory, and warn of one that takes most of it.

    Raises:
        UserError: it needs more than is free.
    """
    needed, free = estimate(domain, settings), psutil.virtual_memory().available
    size = " x ".join(map(str, (*domain.shape, domain.channels)))
    what = f"a fit of {settings.field.name} to {size} values needs at least {needed / 1e9:.1f} GB of memory"
    if needed > free:
        raise UserError(f"{what} and {free / 1e9:.1f} GB are free: give a smaller field.width, data.size or crop")
    if needed > LARGE * free:
        logging.log_first_n(logging.WARNING, "%s, of %.1f GB that are free", 1, what, free / 1e9)


@functools.lru_cache(maxsize=8)
def estimate(domain: Domain, settings: Settings) -> int:
    """Return a lower bound on the bytes that a fit takes.

    The bound is 4 (5 P + 3 N C + T W D) bytes: 5 copies of P parameters, three signals of N nodes and C channels (the
    measurements, a guide and the recovery), and the activations of one tile of T points in D layers of W units.
    """
    field = static_key(settings).build_field(domain)
    entries = math.prod(domain.shape) * domain.channels
    estimate_like = jax.ShapeDtypeStruct((*domain.shape, domain.channels), np.float32)
    # Shapes alone, because the arrays of a field that is too large cannot be made.
    params = jax.eval_shape(field.init, jax.random.key(0), {"first_estimate": estimate_like})
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    own = {name: getattr(settings.field, name) for name in names(settings.field) if name in ("width", "depth", "tile")}
    tile = min(own.get("tile", 0) or entries, math.prod(domain.shape))
    return 4 * (COPIES * count + 3 * entries + tile * own.get("width", 0) * own.get("depth", 0))
