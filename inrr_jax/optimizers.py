"""How parameters move: Adam, Muon with Adam, and one schedule, by top-level parameter group."""

import jax
import optax

from inrr_jax.settings import OptimizerSettings
from inrr_jax.types import Knobs, Params


def schedule(settings: OptimizerSettings, steps: int) -> optax.Schedule:
    """Return the factor in [0, 1] on every rate: step -> factor."""
    if settings.schedule == "constant":
        return optax.constant_schedule(1.0)
    warmup = min(settings.warmup, steps - 1)
    return optax.warmup_cosine_decay_schedule(0.0, 1.0, warmup, steps)


def labels(params: Params, matrices: bool) -> Params:
    """Label every parameter with its rate: `matrix`, `field`, `first` or `laplacian`.

    With `matrices`, the square matrices of the field are Muon's: an orthogonal step has a meaning between layers of
    hidden units, not from coordinates or to colours. Those of a factorisation have an axis of channels and are not
    meant either: orthogonal steps grow all singular values alike, and its low rank is gone.
    """

    def field_label(path, leaf):
        if matrices and leaf.ndim == 2 and leaf.shape[0] == leaf.shape[1]:
            return "matrix"
        return "first" if path[0].key == "first" else "field"

    return {
        group: jax.tree_util.tree_map_with_path(field_label, tree)
        if group == "field"
        else jax.tree.map(lambda _: "laplacian", tree)
        for group, tree in params.items()
    }


def make(settings: OptimizerSettings, knobs: Knobs, steps: int) -> optax.GradientTransformation:
    """Build the optimiser of one fit.

    Muon (Jordan et al., 2024): the momentum of a matrix is replaced by the nearest orthogonal matrix, found by five
    Newton-Schulz iterations; momentum 0.95, Nesterov. Adam has its usual moments 0.9 and 0.999.

    The rates may be traced, so one program serves fits with different ones.
    """
    factor = schedule(settings, steps)

    def rate(peak):
        return lambda step: peak * factor(step)

    def laplacian_rate(step):
        learning = step < settings.freeze_at if settings.freeze_at else True
        return knobs.laplacian_rate * factor(step) * learning

    transforms = {
        "matrix": optax.contrib.muon(rate(knobs.matrix_rate)),
        "field": optax.adam(rate(knobs.field_rate)),
        "first": optax.adam(rate(knobs.field_rate * settings.first_scale)),
        "laplacian": optax.adam(laplacian_rate),
    }
    return optax.multi_transform(transforms, lambda params: labels(params, settings.name == "muon"))
