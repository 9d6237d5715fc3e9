"""How parameters move: Adam, Muon with Adam, and one schedule, by top-level parameter group."""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from inrr_jax import numerics
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


def orthogonal(matrix: Float[Array, "K K"], precision: str) -> Float[Array, "K K"]:
    """Return nearly the nearest orthogonal matrix, by five Newton-Schulz iterations.

    Each maps every singular value s to 3.4445 s - 4.775 s^3 + 2.0315 s^5, which takes what is not tiny to 0.7 ... 1.2.
    That is coarse by design, so operands of bfloat16 serve as well (Jordan et al., 2024).
    """
    product = partial(numerics.contract, precision=precision)
    x = matrix / (jnp.linalg.norm(matrix) + 1e-8)
    for _ in range(5):
        gram = product(x, x, (1, 1))
        x = 3.4445 * x + product(-4.775 * gram + 2.0315 * product(gram, gram, (1, 0)), x, (1, 0))
    return x


def muon(rate: optax.Schedule, precision: str) -> optax.GradientTransformation:
    """Build Muon (Jordan et al., 2024) for square matrices: the momentum (0.95, Nesterov) made orthogonal.

    optax.contrib.muon is slower, and cannot be told the precision of its products.
    """
    orthogonalize = optax.stateless(lambda updates, _: jax.tree.map(lambda x: orthogonal(x, precision), updates))
    return optax.chain(optax.trace(0.95, nesterov=True), orthogonalize, optax.scale_by_learning_rate(rate))


def make(settings: OptimizerSettings, knobs: Knobs, steps: int, precision: str) -> optax.GradientTransformation:
    """Build the optimiser of one fit: Muon or Adam (moments 0.9 and 0.999), and Adam on the rest.

    The rates may be traced, so one program serves fits with different ones.

    Args:
        settings: of the optimiser.
        knobs: its rates.
        steps: of the fit, for the schedule.
        precision: of the operands of Muon's products, float32 or bfloat16.
    """
    factor = schedule(settings, steps)

    def rate(peak):
        return lambda step: peak * factor(step)

    def laplacian_rate(step):
        learning = step < settings.freeze_at if settings.freeze_at else True
        return knobs.laplacian_rate * factor(step) * learning

    transforms = {
        "matrix": muon(rate(knobs.matrix_rate), precision),
        "field": optax.adam(rate(knobs.field_rate)),
        "first": optax.adam(rate(knobs.field_rate * settings.first_scale)),
        "laplacian": optax.adam(laplacian_rate),
    }
    return optax.multi_transform(transforms, lambda params: labels(params, settings.name == "muon"))
