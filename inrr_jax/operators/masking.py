"""Masking: the values of a signal at an observed subset of the nodes of its grid."""

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inrr_jax.errors import UserError
from inrr_jax.problem import Domain, Evaluate, Evaluated, Problem


class Masking(NamedTuple):
    """y = M f on the grid, with y = 0 where the mask M is False.

    The misfit is 1/(number of ALL entries) sum over observed entries of (f - y)², as in INRR's experiments: it loses
    weight against the regularisers as more is missing.
    """

    mask: Bool[Array | np.ndarray, "*grid"]
    """M, True where observed."""

    @property
    def on_grid(self) -> bool:
        """True: no further points are evaluated, because the fibers of the regularisers hold observed entries too."""
        return True

    def request(self, measurements: Array, domain: Domain, key: Key[Array, ""], count: int) -> None:
        """Request no points in addition to the fibers."""

    def misfit(self, measurements: Float[Array, "*grid C"], evaluated: Evaluated) -> Float[Array, ""]:
        """Return the mean squared error on the observed entries of the sampled fibers, over all their entries."""
        assert evaluated.sample is not None
        return evaluated.sample.mean_squared_error(measurements, jnp.asarray(self.mask))

    def observed(self, domain: Domain) -> Bool[Array | np.ndarray, "*grid"]:
        """Return the mask."""
        return self.mask

    def predict(self, signal: Evaluate, domain: Domain) -> Float[Array, "*grid C"]:
        """Return the signal on the grid, zero where it is not observed."""
        values = signal(domain.points).reshape(*domain.shape, domain.channels)
        return jnp.where(self.mask[..., None], values, 0.0)


AnyArray = TypeVar("AnyArray", Array, np.ndarray)


def paste(recovered: AnyArray, measured: Array | np.ndarray, mask: Bool[Array | np.ndarray, "*grid"]) -> AnyArray:
    """Return the measured values where the mask is True, and the recovery elsewhere.

    Args:
        recovered: values [*grid, C], as a NumPy or a JAX array.
        measured: values [*grid, C]; those where the mask is False are not used and may be NaN.
        mask: True where observed.

    Returns:
        An array of the kind of `recovered`.
    """
    library = jnp if isinstance(recovered, jax.Array) else np
    return library.where(library.asarray(mask)[..., None], measured, recovered)


def masked(
    signal: Float[np.ndarray, "*grid C"],
    mask: Bool[np.ndarray, "*grid"],
    *,
    truth: bool = True,
    bounds: tuple[float, float] | None = (0.0, 1.0),
) -> Problem:
    """Return the problem of recovering a signal from its observed entries.

    Args:
        signal: values; with `truth=False` those of missing entries may be anything, NaN included.
        mask: True where observed.
        truth: whether the missing entries hold the true values, which then become the problem's truth.
        bounds: smallest and largest value of the signal; None: unbounded.

    Raises:
        UserError: the mask does not have the shape of the signal without channels.
    """
    if mask.shape != signal.shape[:-1]:
        raise UserError(f"a mask of shape {mask.shape}: give the signal's shape without channels, {signal.shape[:-1]}")
    # Missing entries are zeroed before anything sees them, so that no fit can use them by mistake.
    measurements = np.where(mask[..., None], signal, np.float32(0))
    domain = Domain(tuple(mask.shape), signal.shape[-1], bounds)
    return Problem(domain, Masking(mask), measurements, truth=signal if truth else None)
