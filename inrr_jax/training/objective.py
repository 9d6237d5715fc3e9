"""The loss of a fit: the misfit of the measurements plus the weighted energies of the regulariser."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from inrr_jax import fibers
from inrr_jax.fibers import Plan
from inrr_jax.fields import Field
from inrr_jax.problem import Evaluated, Problem, Request
from inrr_jax.regularizers import Regularizer
from inrr_jax.types import HyperParameters, Info, Params


def objective(
    params: Params,
    problem: Problem,
    hyper: HyperParameters,
    key: Key[Array, ""],
    *,
    field: Field,
    regularizer: Regularizer,
    fiber_count: int,
    measurement_count: int = 0,
) -> tuple[Float[Array, ""], Info]:
    """Return loss = misfit + sum over terms t of weight_t · energy_t, and its named parts.

    The field is evaluated once per step, at the union of the points that the operator requests and of the fibers that
    the regulariser, or the operator, needs.

    Args:
        params: parameter groups `field` and one per term that learns.
        problem: measurements, operator and auxiliary arrays.
        hyper: hyper-parameters of this fit.
        key: determines the fibers and measurements drawn.
        field: the representation of the signal.
        regularizer: its energies, in mean form.
        fiber_count: fibers drawn along every axis; 0 for the whole grid.
        measurement_count: measurements drawn by operators that request points; 0 for all.

    Returns:
        The loss, and `loss`, `fidelity` and `energy_TERM_PART` by name. The fidelity is the operator's misfit.
    """
    domain, operator = problem.domain, problem.operator

    def signal(points):
        return field.apply(params["field"], points, hyper.field)

    request = operator.request(problem.measurements, domain, jax.random.fold_in(key, 1), measurement_count)
    needs_fibers = operator.on_fibers or regularizer.on_fibers
    plan = fibers.plan(key, domain.shape, fiber_count, adjacent=regularizer.adjacent) if needs_fibers else None
    evaluated = _evaluate(signal, plan, request)
    misfit = operator.misfit(problem.measurements, evaluated)
    energies = regularizer.energies(params, evaluated.sample, problem) if evaluated.sample else {}
    loss = misfit + sum(hyper.weight[term] * sum(parts.values()) for term, parts in energies.items())
    named = {f"energy_{term}_{name}": part for term, parts in energies.items() for name, part in parts.items()}
    return loss, {"loss": loss, "fidelity": misfit, **named}


def _evaluate(signal, plan: Plan | None, request: Request | None) -> Evaluated:
    """Evaluate the signal once at all points that the plan and the request need, and split the values."""
    points = [part.points for part in (plan, request) if part is not None]
    # A single part is not concatenated: the program of a masked signal is then that of its fibers alone.
    values = signal(points[0] if len(points) == 1 else jnp.concatenate(points))
    on_fibers = plan.points.shape[0] if plan else 0
    sample = plan.collect(values[:on_fibers] if request else values) if plan else None
    if request is None:
        return Evaluated(sample, None, None, signal)
    return Evaluated(sample, request.measured, values[on_fibers:], signal)
