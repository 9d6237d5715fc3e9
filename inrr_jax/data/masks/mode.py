"""The types that every mask mode shares."""

from collections.abc import Callable

from jaxtyping import Array, Bool, Float

Rate = float | Float[Array, ""]
"""Fraction of missing pixels, in (0, 1); a Python number, or a traced scalar under `jax.jit` and `jax.vmap`."""

Mode = Callable[..., Bool[Array, "*grid"]]
"""A pure function (key, shape, rate, **options) -> mask, True where observed.

`shape` is the shape of the grid without channels. `shape` and the options are static; `key` and `rate` may be traced.
"""
