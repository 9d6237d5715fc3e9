"""The loss of a fit: the misfit of the measurements plus the weighted energies of the regulariser."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inrr_jax import fibers
from inrr_jax.fibers import Nodes, Plan, Sample
from inrr_jax.fields import Field
from inrr_jax.problem import Evaluate, Evaluated, Problem, Request
from inrr_jax.regularizers import Regularizer
from inrr_jax.regularizers.base import Parts
from inrr_jax.types import HyperParameters, Info, Lines, Params, Scalar, axis_names

Values = Float[Array, "N C"]
Points = Float[Array, "N D"]


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
    """Return loss = misfit + sum over terms t of weight_t · sum over axes a of factor_a · energy_ta, and its parts.

    The field is evaluated once per step, at the union of the points that the operator and the terms request and of the
    fibers that the regulariser, or the operator, needs.

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
    domain, operator, signal = problem.domain, problem.operator, _signal(params, hyper, field)
    # If a step evaluates the whole grid, an operator that can use it evaluates no points of its own.
    on_grid = operator.on_grid and not fiber_count and not measurement_count
    request = None if on_grid else _request(problem, jax.random.fold_in(key, 1), measurement_count)
    plan = known = None
    if request is None or regularizer.on_fibers or (operator.on_grid and request.points is None):
        plan = fibers.plan(key, domain.shape, fiber_count, adjacent=regularizer.adjacent, spacing=domain.spacing)
        known = _on_grid(params, hyper, field) if not fiber_count else None
    nodes = regularizer.request(jax.random.fold_in(key, 2), problem)
    evaluated, at_nodes = _without_nodes(_evaluate(signal, plan, known, _with_nodes(request, nodes)), request, nodes)
    misfit = operator.misfit(problem.measurements, evaluated)
    sample = (evaluated.sample or Sample())._replace(factors=_factors(params, hyper, field), nodes=at_nodes)
    sample = sample.first_channels(domain.signal) if domain.signal else sample
    energies = regularizer.energies(params, sample, problem)
    loss = misfit + sum(hyper.weight[term] * _total(parts, hyper.axes) for term, parts in energies.items())
    return loss, {"loss": loss, "fidelity": misfit, **_named(energies)}


def _request(problem: Problem, key: Key[Array, ""], count: int) -> Request | None:
    """Return the measurements of a step and the points that they need."""
    return problem.operator.request(problem.measurements, problem.domain, key, count)


def _signal(params: Params, hyper: HyperParameters, field: Field) -> Evaluate:
    """Return the signal as a function of points."""
    return lambda points: field.apply(params["field"], points, hyper.field)


def _on_grid(params: Params, hyper: HyperParameters, field: Field) -> Values | None:
    """Return the values on all nodes in row-major order, for fields that compute them faster together."""
    if field.on_grid is None:
        return None
    values = field.on_grid(params["field"], hyper.field)
    return values.reshape(-1, values.shape[-1])


def _factors(params: Params, hyper: HyperParameters, field: Field) -> Lines:
    """Return the factors of a factorised field as one fiber per axis; empty for other fields."""
    return tuple(factor[None] for factor in field.factors(params["field"], hyper.field)) if field.factors else ()


def _with_nodes(request: Request | None, nodes: dict[str, Points]) -> Request | None:
    """Return the operator's request with the points of the terms after its own."""
    if not nodes:
        return request
    own = [] if request is None or request.points is None else [request.points]
    return Request(request.measured if request else None, jnp.concatenate([*own, *nodes.values()]))


def _without_nodes(
    evaluated: Evaluated, request: Request | None, nodes: dict[str, Points]
) -> tuple[Evaluated, dict[str, Nodes]]:
    """Split the values at the requested points into those of the operator and those of the terms."""
    if not nodes:
        return evaluated, {}
    count = 0 if request is None or request.points is None else request.points.shape[0]
    lengths = [points.shape[0] for points in nodes.values()]
    assert evaluated.values is not None
    own, *parts = jnp.split(evaluated.values, np.cumsum([count, *lengths[:-1]]))
    at_nodes = {name: Nodes(points, values) for (name, points), values in zip(nodes.items(), parts, strict=True)}
    return evaluated._replace(values=own if count else None), at_nodes


def _named(energies: dict[str, Parts]) -> Info:
    """Return the energies by the names `energy_TERM_PART`."""
    return {f"energy_{term}_{name}": part for term, parts in energies.items() for name, part in parts.items()}


def _total(parts: Parts, factors: tuple[Scalar, ...]) -> Float[Array, ""]:
    """Return the sum of a term's parts, those of an axis multiplied by the axis's factor if there is one."""
    by_axis = dict(zip(axis_names(len(factors)), factors, strict=True))
    return sum(by_axis[name] * part if name in by_axis else part for name, part in parts.items())  # type: ignore[return-value]


def _evaluate(signal: Evaluate, plan: Plan | None, known: Values | None, request: Request | None) -> Evaluated:
    """Evaluate the signal once at all points that the plan and the request need, and split the values.

    Args:
        signal: points -> values.
        plan: of the fibers; None if none are needed.
        known: values at the points of the plan, if they have been computed already.
        request: of the operator; None if it needs no points.
    """
    planned = plan.points if plan and known is None else None
    requested = request.points if request else None
    points = [part for part in (planned, requested) if part is not None]
    own = None
    # A single part is neither concatenated nor cut: the program of a masked signal is then that of its fibers alone.
    if len(points) == 1:
        known, own = (signal(points[0]), None) if requested is None else (known, signal(points[0]))
    elif points:
        known, own = jnp.split(signal(jnp.concatenate(points)), [len(points[0])])
    sample = plan.collect(known) if plan else None  # type: ignore[arg-type]
    return Evaluated(sample, request.measured if request else None, own, signal)
