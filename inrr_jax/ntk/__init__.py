"""The neural tangent kernel (NTK), K(x, x') = <d f(x) / d theta, d f(x') / d theta> (Jacot et al., NeurIPS 2018).

Every kernel is a function (params, x1 [N, D], x2 [M, D]) -> [N, M]. empirical.py has the kernels of a finite network,
infinite.py that of an infinitely wide SIREN, whose `params` are its frequency omega. `blockwise` evaluates any of them
within a given memory; regression.py and spectrum.py use the resulting matrices. convergence.py, theorem.py and study.py
check the kernels and the smoothness theorem of docs/theory.md numerically.
"""

# `blockwise` and `spectrum` are functions here and hide the modules of the same names: import anything else that is in
# those modules with `from inrr_jax.ntk.blockwise import ...`.
from inrr_jax.ntk.blockwise import blockwise
from inrr_jax.ntk.empirical import contraction, factored_product, factors, product, structured
from inrr_jax.ntk.infinite import siren, siren_parts
from inrr_jax.ntk.networks import Network, network
from inrr_jax.ntk.regression import conjugate_gradient, gradient_flow, nystrom, regress
from inrr_jax.ntk.spectrum import alignment, change, effective_bandwidth, spectrum

__all__ = [
    "Network",
    "alignment",
    "blockwise",
    "change",
    "conjugate_gradient",
    "contraction",
    "effective_bandwidth",
    "factored_product",
    "factors",
    "gradient_flow",
    "network",
    "nystrom",
    "product",
    "regress",
    "siren",
    "siren_parts",
    "spectrum",
    "structured",
]
