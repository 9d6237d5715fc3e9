"""The neural tangent kernel K(x, x') = <d f(x) / d theta, d f(x') / d theta> (Jacot, Gabriel, Hongler, NeurIPS 2018).

Kernels are functions (params, x1 [N, D], x2 [M, D]) -> [N, M]: empirical ones of a network (empirical.py) and that of
an infinitely wide SIREN, whose `params` are its omega (infinite.py). `blockwise` evaluates any of them in a given
memory; regression.py and spectrum.py use the matrices.
"""

from inrr_jax.ntk.blocks import blockwise
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
