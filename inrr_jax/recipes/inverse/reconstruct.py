"""Reconstruction in one call: measurements through any operator in, the signal out."""

from __future__ import annotations  # so that help() shows ArrayLike by its name

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from inrr_jax.errors import UserError
from inrr_jax.operators.imaging.function import Function, parts
from inrr_jax.operators.noise import Gaussian
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.problem import Domain, Problem
from inrr_jax.recipes import pipeline
from inrr_jax.recipes.inverse import tuning
from inrr_jax.settings import RECONSTRUCTION, Settings, TuneSettings, check_settings


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scaled(GridOperator):
    """A'(V) = A(scale V) / scale: the operator for values that are divided by a scale."""

    inner: Any
    """A, a `GridOperator`."""
    scale: float = field(metadata={"static": True})

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*m K"]:
        """Return A(scale V) / scale."""
        return self.inner.apply(self.scale * values) / self.scale

    def units(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the units of the operator itself."""
        return self.inner.units(shape)


def reconstruct(
    operator: Any,
    measurements: ArrayLike,
    shape: tuple[int, ...] | None = None,
    noise: float | None = None,
    *,
    channels: int | None = None,
    scale: float = 1.0,
    settings: Settings | None = None,
) -> np.ndarray:
    """Recover a signal on a grid from y = A(signal) + noise, for any operator A.

    Args:
        operator: a JAX function of an array of that shape; an object with `input_shape` that can be called, such as
            SCICO's LinearOperator; or a `GridOperator` of this package. It must be differentiable by JAX, and need not
            be linear. Its result may be complex.
        measurements: y, in the shape that the operator returns.
        shape: of the signal, without channels; None: the operator's `input_shape`.
        noise: standard deviation of Gaussian noise, in the units of the measurements; None: unknown.
        channels: None if the signal has no axis of channels, and else their number, on its last axis.
        scale: the size of the signal's values. The recipe expects values of about 0 to `scale`.
        settings: of the fit; its `data` and `mask` are not used. None for `inrr_jax.RECONSTRUCTION`, with total
            variation instead of the splitting loop for signals that are no pictures.

    Returns:
        float32 values of the given shape, with channels if there are any.

    Raises:
        UserError: an argument is wrong, or the measurements are not those that the operator returns.
        DivergedError: a loss term was no number.
    """
    check_settings(settings)
    domain = Domain(_shape(operator, shape), channels or 1, None)
    problem = _problem(operator, np.asarray(measurements), domain, noise, channels is None, scale)
    chosen = tuning.tune(problem, settings or _default(domain), pipeline.solve, logging.info)
    values = scale * pipeline.solve(problem, chosen)
    return values if channels else values[..., 0]


def _problem(
    operator: Any, measured: np.ndarray, domain: Domain, noise: float | None, squeezed: bool, scale: float
) -> Problem:
    if not 0 < scale < np.inf:
        raise UserError(f"scale={scale}: give the size of the signal's values, a number above 0")
    if noise is not None and not 0 <= noise < np.inf:
        raise UserError(f"noise={noise}: give a standard deviation of at least 0, or None")
    own = _operator(operator, squeezed)
    if not isinstance(operator, GridOperator):
        measured = np.asarray(parts(jnp.asarray(measured)))
    _check(own, measured, domain)
    if scale != 1:
        own = Scaled(own, scale, kept=own.kept, noise=own.noise)
    if noise is not None:
        own = replace(own, noise=Gaussian(noise / scale or None))
    return Problem(domain, own, (measured / scale).astype(np.float32))


def _shape(operator: Any, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    found = getattr(operator, "input_shape", None) if shape is None else shape
    whole = isinstance(found, tuple | list) and len(found) > 0 and all(isinstance(n, int) and n > 0 for n in found)
    if not whole:
        raise UserError(f"shape={found!r}: give the nodes of the signal along each axis, such as (256, 256)")
    return tuple(found)  # type: ignore[arg-type]


def _operator(operator: Any, squeezed: bool) -> GridOperator:
    if isinstance(operator, GridOperator):
        return operator
    if not callable(operator):
        raise UserError(f"operator={operator!r} cannot be called: give a JAX function, or an operator of inrr_jax")
    return Function(operator, squeezed=squeezed)


def _check(operator: GridOperator, measured: np.ndarray, domain: Domain) -> None:
    """Refuse measurements that are no numbers, or of another shape than the operator's."""
    like = jax.ShapeDtypeStruct((*domain.shape, domain.channels), jnp.float32)
    try:
        expected = jax.eval_shape(operator.apply, like).shape
    except UserError:
        raise
    except Exception as error:  # whatever a caller's function raises for a signal of this shape
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"the operator fails for a signal of shape {domain.shape}: {reason}") from None
    if measured.shape != expected:
        raise UserError(f"measurements of shape {measured.shape}: the operator returns {expected} (parts last)")
    if not np.isfinite(measured).all():
        raise UserError(f"{int((~np.isfinite(measured)).sum())} measurements are no finite numbers: remove them first")


def _default(domain: Domain) -> Settings:
    """Return the recipe; the guide of signals that are no pictures is total variation, which chooses by itself."""
    if len(domain.shape) == 2:
        return RECONSTRUCTION
    return replace(RECONSTRUCTION, tune=TuneSettings())
