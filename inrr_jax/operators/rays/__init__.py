"""Line integrals along rays: the operator, geometries of beams, and sparse matrices with a fast adjoint."""

from inrr_jax.operators.rays.line_integrals import LineIntegrals, assembled, trace

__all__ = ["LineIntegrals", "assembled", "trace"]
