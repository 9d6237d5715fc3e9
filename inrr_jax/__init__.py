"""Implicit neural representations that generalise, in JAX."""

from inrr_jax.recipes.inpaint import inpaint
from inrr_jax.settings import RECIPE, Settings

__all__ = ["RECIPE", "Settings", "inpaint"]
