"""Optimisers of a fit: Adam, or Muon for square matrices with Adam for the rest.

Every parameter belongs to one of four groups, each with a learning rate of its own. All groups share one schedule.
"""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from inrr_jax import numerics
from inrr_jax.settings import OptimizerSettings
from inrr_jax.types import HyperParameters, Params

SQUARE_DECAY = {"muon": 0.95, "adam": 0.999}
"""Default of `optimizer.square_decay`. With 0.999 a step divides by the root mean square of the last thousand
gradients. A fit with Muon has fewer steps, and its gradients shrink throughout: the large ones of its start would make
all later steps too small."""


def schedule(settings: OptimizerSettings, steps: int) -> optax.Schedule:
    """Return the learning-rate schedule: a function from the step to a factor in [0, 1] that multiplies every rate.

    Args:
        settings: `schedule` is either `constant`, a factor of 1 throughout, or a linear warm-up over `warmup` steps
            from 0 to 1 followed by a cosine decay to 0.
        steps: length of the fit, at which the decay ends.
    """
    if settings.schedule == "constant":
        return optax.constant_schedule(1.0)
    # Optax requires the decay to last at least one step, also in fits that are shorter than the warm-up.
    warmup = min(settings.warmup, steps - 1)
    return optax.warmup_cosine_decay_schedule(0.0, 1.0, warmup, steps)


def labels(params: Params, matrices: bool) -> Params:
    """Label every parameter with its group: `matrix`, `field`, `first` or `laplacian`.

    Args:
        params: the parameters of a fit. Those below the key `field` belong to the field, all others to the
            regularisers that learn.
        matrices: whether to label the square matrices of the field as `matrix`, which Muon updates.

    Returns:
        A tree of the same structure with one label per parameter. `first` is the first layer of each of the field's
        networks, `field` its other parameters, and `laplacian` every parameter of a regulariser.
    """

    def field_label(path, leaf):
        # Muon is meant for maps between hidden layers, which are square here. The first and the last layer, which map
        # from coordinates and to colours, are not. Other parameters than kernels of layers, such as the factors of a
        # matrix factorisation, are excluded too: orthogonal updates grow all singular values alike, which destroys the
        # bias towards low rank that a factorisation is used for.
        names = [entry.key for entry in path]
        if matrices and names[-1].startswith("kernel") and leaf.ndim == 2 and leaf.shape[0] == leaf.shape[1]:
            return "matrix"
        return "first" if "first" in names else "field"

    return {
        group: jax.tree_util.tree_map_with_path(field_label, tree)
        if group == "field"
        else jax.tree.map(lambda _: "laplacian", tree)
        for group, tree in params.items()
    }


def orthogonal(matrix: Float[Array, "K K"], precision: str) -> Float[Array, "K K"]:
    """Return an approximation of the nearest orthogonal matrix, computed by five Newton-Schulz iterations.

    Each iteration maps every singular value s to 3.4445 s - 4.775 s^3 + 2.0315 s^5. Five of them bring all singular
    values that are not tiny into the interval from 0.7 to 1.2. The approximation is coarse by design, so that operands
    of bfloat16 are accurate enough (Muon, Jordan et al., 2024).

    Args:
        matrix: a square matrix, of any scale.
        precision: of the operands of the matrix products, `float32` or `bfloat16`. Sums are always float32.
    """
    product = partial(numerics.contract, precision=precision)
    # The iteration converges only for singular values up to about 1, and the Frobenius norm bounds the largest one.
    # The small constant keeps a zero matrix zero instead of dividing 0 by 0.
    x = matrix / (jnp.linalg.norm(matrix) + 1e-8)
    for _ in range(5):
        gram = product(x, x, (1, 1))  # x x^T
        x = 3.4445 * x + product(-4.775 * gram + 2.0315 * product(gram, gram, (1, 0)), x, (1, 0))
    return x


def muon(rate: optax.Schedule, momentum: float, precision: str) -> optax.GradientTransformation:
    """Build Muon for square matrices: the update is the Nesterov momentum, made orthogonal.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Args:
        rate: learning rate by step.
        momentum: its decay rate.
        precision: of the operands of the matrix products, `float32` or `bfloat16`.
    """
    # optax.contrib.muon computes the same update, but is slower and has no option for the precision of its products.
    orthogonalize = optax.stateless(lambda updates, _: jax.tree.map(lambda x: orthogonal(x, precision), updates))
    return optax.chain(optax.trace(momentum, nesterov=True), orthogonalize, optax.scale_by_learning_rate(rate))


def make(
    settings: OptimizerSettings, hyper: HyperParameters, steps: int, precision: str
) -> optax.GradientTransformation:
    """Build the optimiser of one fit.

    Adam (decay rates 0.9 and `square_decay`) updates every parameter, except that the setting `muon` gives the square
    matrices of the field to Muon.

    Args:
        settings: the optimiser's settings.
        hyper: hyper-parameters; only the learning rates among them are used. They may be traced values, so that one
            compiled program serves fits with different rates.
        steps: length of the fit, which the schedule needs.
        precision: of the operands of Muon's matrix products, `float32` or `bfloat16`.
    """
    factor, rates = schedule(settings, steps), hyper.optimizer
    adam = partial(optax.adam, b2=settings.square_decay or SQUARE_DECAY[settings.name])

    def rate(peak):
        return lambda step: peak * factor(step)

    def laplacian_rate(step):
        # The setting `freeze_at` fixes the learned Laplacians from that step on; 0 never freezes them.
        learning = step < settings.freeze_at if settings.freeze_at else True
        return rates["laplacian_rate"] * factor(step) * learning

    transforms = {
        "matrix": muon(rate(rates["matrix_rate"]), settings.momentum, precision),
        "field": adam(rate(rates["field_rate"])),
        "first": adam(rate(rates["field_rate"] * settings.first_scale)),
        "laplacian": adam(laplacian_rate),
    }
    return optax.multi_transform(transforms, lambda params: labels(params, settings.name == "muon"))
