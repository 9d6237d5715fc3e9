"""Measurement operators: what was measured of a signal, as functions of the field.

Each file defines one operator, a NamedTuple of arrays with the methods of `inrr_jax.problem.Operator`.
"""
