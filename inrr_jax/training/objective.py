"""The loss: fidelity on what is observed, plus weighted energies of the whole recovery."""

from jaxtyping import Array, Float, Key

from inrr_jax import fibers
from inrr_jax.fields import Field
from inrr_jax.regularizers import Regularizer
from inrr_jax.types import Info, Knobs, Params, Signal


def objective(
    params: Params,
    signal: Signal,
    axes: tuple[Float[Array, "_"], ...],
    knobs: Knobs,
    key: Key[Array, ""],
    *,
    field: Field,
    regularizer: Regularizer,
    count: int,
) -> tuple[Float[Array, ""], Info]:
    """Return loss = fidelity + sum over terms t of weight_t * energy_t, and its named parts.

    fidelity = sum over observed (X_hat - X)^2 / number of ALL entries, as in INRR's experiments: it loses weight
    against the energies as more is missing. The energy of a term is in mean form, over all entries too, and the sum of
    its parts, mostly those of the axes.

    Args:
        params: parameter groups `field` and one per term that learns.
        signal: values in [0, 1] and what of them is observed.
        axes: coordinates of the grid in [-1, 1].
        knobs: of this fit.
        key: of the fibres drawn.
        field: the network.
        regularizer: its energies.
        count: fibres drawn along every axis; 0 for the whole grid.
    """

    def evaluate(points):
        return field.apply(params["field"], points, knobs.omega)

    if count:
        batch = fibers.sample(evaluate, signal, axes, key, count, beside=regularizer.beside)
    else:
        batch = fibers.everything(evaluate, signal, axes, beside=regularizer.beside)
    energies = regularizer.energies(params, batch.along, batch.beside, batch.departure)
    loss = batch.fidelity + sum(knobs.weight[term] * sum(parts.values()) for term, parts in energies.items())
    named = {f"energy_{term}_{name}": part for term, parts in energies.items() for name, part in parts.items()}
    return loss, {"loss": loss, "fidelity": batch.fidelity, **named}
