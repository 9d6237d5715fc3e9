"""Implicit neural representations that generalise, in JAX."""

from inrr_jax.inpaint import inpaint
from inrr_jax.settings import Settings

__all__ = ["Settings", "inpaint"]
