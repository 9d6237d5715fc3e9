"""Implicit neural representations that generalise, in JAX."""

__version__ = "0.1.0"
