"""Held-out measurements, by which the parameter of a method is chosen without the truth."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inrr_jax.errors import UserError
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.problem import Problem

Values = Float[np.ndarray, "*grid C"]
Error = Callable[[Any], float]
SHARE = 0.1
"""Share of the measurements that is held out."""


def hold_out(problem: Problem, share: float = SHARE, whole: bool = False) -> tuple[Problem, Error]:
    """Return the problem without some of its measurements, and the mean misfit of a recovery at these.

    With `whole`, these are whole blocks of them, such as views (`GridOperator.blocks`).

    Raises:
        UserError: the operator cannot hold out measurements, or there are too few.
    """
    operator, measured = problem.operator, jnp.asarray(problem.measurements)
    if not isinstance(operator, GridOperator):
        raise UserError(f"{type(operator).__name__} cannot hold out measurements: set tune.axes=()")
    fitted, held = operator.hold_out(measured.shape, 0, share, whole)
    distance = jax.jit(held.distance)
    return problem._replace(operator=fitted), lambda values: float(distance(jnp.asarray(values), measured))


def best(problem: Problem, recover: Callable[[Problem, float], Values], candidates: Sequence[float]) -> Values:
    """Return the recovery with the candidate whose recovery from a part of the measurements predicts the others best.

    Raises:
        UserError: as `hold_out`.
    """
    hidden, error = hold_out(problem)
    errors = [error(recover(hidden, candidate)) for candidate in candidates]
    return recover(problem, candidates[int(np.argmin(errors))])
