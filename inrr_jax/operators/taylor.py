"""Values, first derivatives and Laplacians of a signal in one forward pass, for any program that JAX can trace.

The pass replaces every array x of the program by its value, its D derivatives along the coordinates, and the sum of its
second derivatives ("Forward Laplacian", Li et al., Nature Machine Intelligence 2024). An operation y = g(x) maps them
to

    y,    dg(x) d_i x,    dg(x) lap(x) + sum_i d²g(x)[d_i x, d_i x],

where dg and d²g are derivatives of the operation alone. A Laplacian thus takes D + 2 products with every matrix of a
network, where nested forward modes take 2 D + 1, and it is one program that reverse mode differentiates in turn.
JAX's own forward mode is not used across operations, because the products of bfloat16 operands have none.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun
from jaxtyping import Array, Float

from inrr_jax.problem import Evaluate


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AFFINE = _names(
    "add sub neg reshape broadcast_in_dim transpose slice dynamic_slice concatenate split squeeze expand_dims pad rev"
    " reduce_sum cumsum convert_element_type reduce_precision copy copy_p add_any gather sharding_constraint"
    " layout_constraint round floor ceil sign stop_gradient"
)
"""Operations whose second derivatives are zero. The list saves time: an operation that it lacks is differentiated."""
_AFFINE_IN_ONE = _names("mul dot_general select_n div")
"""The same, if only one of their operands depends on the position, and for `div` the first."""
_LINEAR = _names("convert_element_type dot_general mul neg transpose reshape broadcast_in_dim squeeze")
"""Operations that are linear in a single operand, with no constant part."""
_ELEMENTWISE = _names(
    "add sub neg mul div max min abs sign round floor ceil sin cos tan tanh exp exp2 log log1p expm1 logistic sqrt"
    " rsqrt cbrt square integer_pow pow erf convert_element_type select_n lt le gt ge eq ne"
)
"""Operations on each entry of an array, whose Jacobian is diagonal."""
_CALLS = ("jit", "pjit", "closed_call", "core_call")
_CHECKPOINTS = ("remat2", "checkpoint", "remat")


class Expansion(NamedTuple):
    """An array of the program with its derivatives with respect to the position."""

    value: Float[Array, "*shape"]
    slopes: tuple[Float[Array, "*shape"], ...]
    """The derivative along each coordinate, followed by the second-order operator if one is wanted. They are separate
    arrays because products of one stacked array, and above all their gradients, take twice as long on a CPU."""


Second = tuple[float, ...] | None
"""The weights w_i of a second-order operator sum_i w_i d_i², the Laplacian if all are 1; None if it is not wanted."""


def expand(signal: Evaluate, points: Float[Array, "N D"], *, second: Second = None) -> Expansion:
    """Return the values of a signal and its derivatives.

    Args:
        signal: a function whose value at a point depends on no other point.
        points: where to evaluate.
        second: the weights w_i of a second-order operator sum_i w_i d_i² that is wanted too.

    Returns:
        Values [N, C], and D or, with the second-order operator, D + 1 arrays [N, C] of derivatives.
    """
    closed = jax.make_jaxpr(signal)(points)
    # The position's own derivatives are the unit vectors, and its Laplacian is zero.
    dimensions = points.shape[1]
    units = jnp.eye(dimensions + (second is not None), dimensions, dtype=points.dtype)
    slopes = tuple(jnp.broadcast_to(unit[None, :], points.shape) for unit in units)
    (found,) = _interpret(closed.jaxpr, closed.consts, [Expansion(points, slopes)], second=second)
    return found if isinstance(found, Expansion) else Expansion(found, (jnp.zeros_like(found),) * len(slopes))


def _interpret(jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Any], *, second: Second) -> list[Any]:
    """Evaluate a traced program, some of whose inputs are expansions."""
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *inputs), strict=True))

    def read(atom):
        return atom.val if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        outputs = _evaluate(equation, jaxpr, list(map(read, equation.invars)), second)
        known.update(zip(equation.outvars, outputs, strict=True))
    return list(map(read, jaxpr.outvars))


def _evaluate(equation: Any, jaxpr: Any, inputs: list[Any], second: Second) -> Sequence[Any]:
    """Evaluate one operation of a program, or the program inside it."""
    name, params = equation.primitive.name, equation.params
    dependent = [isinstance(x, Expansion) for x in inputs]
    if name in _CALLS and any(dependent):
        return _inside(equation, second)(*inputs)
    if name in _CHECKPOINTS and any(dependent):
        inside = partial(_interpret, params["jaxpr"], (), second=second)
        return jax.checkpoint(lambda *inputs: inside(inputs), prevent_cse=params["prevent_cse"])(*inputs)
    if name == "scan" and any(dependent) and not params["num_carry"]:
        return _mapped(equation, inputs, second)
    # An operand that occurs twice, as in x x, is one variable of the operation.
    by_name = {atom: x for atom, x in zip(equation.invars, inputs, strict=True) if not isinstance(atom, Literal)}
    alone = jaxpr.replace(constvars=[], invars=list(by_name), outvars=equation.outvars, eqns=[equation])
    call = jaxpr_as_fun(ClosedJaxpr(alone, []))
    if not any(dependent) or not any(jnp.issubdtype(out.aval.dtype, jnp.inexact) for out in equation.outvars):
        return call(*(x.value if isinstance(x, Expansion) else x for x in by_name.values()))
    expansions = [x for x in by_name.values() if isinstance(x, Expansion)]

    def operation(*values):
        replaced = iter(values)
        return tuple(call(*(next(replaced) if isinstance(x, Expansion) else x for x in by_name.values())))

    return _push(equation, dependent, operation, expansions, second)


def _inside(equation, second):
    closed = equation.params["jaxpr"]
    return lambda *inputs: _interpret(closed.jaxpr, closed.consts, inputs, second=second)


def _mapped(equation, inputs, second):
    """Evaluate `jax.lax.map`, whose slices do not depend on each other."""
    count = equation.params["num_consts"]
    inside = _inside(equation, second)
    return jax.lax.map(lambda slices: inside(*inputs[:count], *slices), inputs[count:])


def _push(equation, dependent, operation, expansions, second):
    """Apply an operation to expansions by the rules of the module's docstring."""
    name = equation.primitive.name
    values, slopes = tuple(x.value for x in expansions), list(zip(*(x.slopes for x in expansions), strict=True))
    affine = name in _AFFINE or (name in _AFFINE_IN_ONE and sum(dependent) == 1 and (name != "div" or dependent[0]))
    if name == "custom_vjp_call" and _consists_of(_LINEAR, equation, dependent):
        # Such a function has no forward mode, but as it is linear it maps derivatives as it maps values.
        affine, outputs, push = True, operation(*values), operation
    elif not affine and len(values) == 1 and _is_elementwise(equation, dependent):
        return [_push_elementwise(lambda x: operation(x)[0], expansions[0], second)]
    else:
        outputs, push = jax.linearize(operation, *values)
    pushed = [push(*tangents) for tangents in slopes]
    if second and not affine:
        for weight, tangents in zip(second, slopes[:-1], strict=True):
            seconds = jax.jvp(lambda *values: _derivative(operation, values, tangents), values, tangents)[1]  # noqa: B023
            pushed[-1] = tuple(p + weight * s for p, s in zip(pushed[-1], seconds, strict=True))
    return [Expansion(*output) for output in zip(outputs, zip(*pushed, strict=True), strict=True)]


def _derivative(operation: Callable[..., Any], values, tangents):
    return jax.jvp(operation, values, tangents)[1]


def _push_elementwise(operation, expansion, second):
    """Apply a function of each entry: its derivatives are computed once and multiply all slopes."""
    value, slopes = expansion
    ones = jnp.ones_like(value)
    output, slope = jax.jvp(operation, (value,), (ones,))
    pushed = [slope * row for row in slopes]
    if second:
        curvature = jax.jvp(lambda x: _derivative(operation, (x,), (ones,)), (value,), (ones,))[1]
        pushed[-1] += curvature * sum(weight * row**2 for weight, row in zip(second, slopes[:-1], strict=True))
    return Expansion(output, tuple(pushed))


def _is_elementwise(equation, dependent):
    same = equation.outvars[0].aval.shape == equation.invars[dependent.index(True)].aval.shape
    return same and len(equation.outvars) == 1 and _consists_of(_ELEMENTWISE, equation, dependent)


def _consists_of(names: frozenset[str], equation: Any, dependent: Sequence[bool]) -> bool:
    """Return whether an operation, or else the program inside it, applies only operations of these names.

    Operations whose inputs do not depend on the position are not counted.
    """
    inner = equation.params.get("call_jaxpr", equation.params.get("jaxpr"))
    if inner is None:
        return equation.primitive.name in names
    jaxpr = getattr(inner, "jaxpr", inner)
    known = {var for var, d in zip(jaxpr.invars, dependent, strict=True) if d}
    for inside in jaxpr.eqns:
        flags = [not isinstance(atom, Literal) and atom in known for atom in inside.invars]
        if any(flags):
            if not _consists_of(names, inside, flags) or (names is _LINEAR and sum(flags) > 1):
                return False
            known.update(inside.outvars)
    return True
