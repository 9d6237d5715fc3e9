"""Implicit neural representations that generalise, in JAX."""

from inrr_jax.operators.residuals import Constraint
from inrr_jax.problem import Domain
from inrr_jax.recipes.complete import complete
from inrr_jax.recipes.equations import solve
from inrr_jax.recipes.inpaint import inpaint
from inrr_jax.recipes.interpolate import interpolate
from inrr_jax.recipes.inverse.reconstruct import reconstruct
from inrr_jax.settings import COMPLETION, INTERPOLATION, RECIPE, RECONSTRUCTION, Settings
from inrr_jax.training.fitted import FittedField, load

__version__ = "0.2.0"

__all__ = [
    "COMPLETION",
    "INTERPOLATION",
    "RECIPE",
    "RECONSTRUCTION",
    "Constraint",
    "Domain",
    "FittedField",
    "Settings",
    "complete",
    "inpaint",
    "interpolate",
    "load",
    "reconstruct",
    "solve",
]
