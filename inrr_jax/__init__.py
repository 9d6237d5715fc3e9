"""Implicit neural representations that generalise, in JAX."""

from inrr_jax.operators.residuals import Constraint
from inrr_jax.problem import Domain
from inrr_jax.recipes.equations import solve
from inrr_jax.recipes.inpaint import inpaint
from inrr_jax.settings import RECIPE, Settings

__all__ = ["RECIPE", "Constraint", "Domain", "Settings", "inpaint", "solve"]
